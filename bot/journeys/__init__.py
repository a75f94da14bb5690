"""What people get done inside the chat: the questions of each journey, how an answer is read, and what comes of it.

A journey is a list of fields. Its state is a `Draft` in the database; the Rasa form of the same name
(``<journey>_form``) decides when a message goes to it, and actions/journeys.py connects the two.
"""
