"""References that people can read out: ``JIT-7F3K9Q``."""

from __future__ import annotations

import secrets

#: Crockford's base 32: no I, L, O or U, which are misread, misheard or make words.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 6


def make_reference(prefix: str) -> str:
    """A random reference of six letters and digits after a prefix; a thousand million of them can be made."""
    return f"{prefix}-{''.join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))}"
