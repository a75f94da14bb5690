"""The whole product at work: the real app, the real Rasa and the real channel libraries, seen from outside."""
