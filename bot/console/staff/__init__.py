"""Accounts of staff: everybody's own, and for administrators those of all."""
