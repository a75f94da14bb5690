"""What Rasa learns from, and what runs inside it (Python 3.10, Rasa 3.6)."""
