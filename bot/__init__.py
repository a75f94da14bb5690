"""The assistant of Maroc Numeric Cluster: channels, conversation, database, web."""
