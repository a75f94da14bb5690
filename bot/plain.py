"""Texts as they are compared: without capitals, accents and signs."""

from __future__ import annotations

import re
import unicodedata


def plain_words(text: str) -> str:
    """The words of a text in lower case, without accents, one space between them."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(re.findall(r"\w+", "".join(c for c in letters if not unicodedata.combining(c))))
