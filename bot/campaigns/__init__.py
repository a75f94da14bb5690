"""Messages to many people who agreed: whom, what, when, and what came of it.

Docs: docs/campaigns.md.
"""
