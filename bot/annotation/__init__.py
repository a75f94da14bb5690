"""Staff teach the assistant: which messages are worth a look, how they are labelled, and how they become examples."""
