"""The report of a month as a document, and how it is drawn; its words come from elsewhere (docs/reports.md)."""
