"""The database: engine, models, queries by audience, seed data and migrations."""
