"""Documents as PDF: letters in two directions, and pages of them."""
