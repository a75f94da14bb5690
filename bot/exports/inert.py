"""Texts of strangers made inert, so that no spreadsheet runs them, and no file breaks on them."""

from __future__ import annotations

import re

#: What begins a formula in some spreadsheet (https://owasp.org/www-community/attacks/CSV_Injection), with the wide
#: signs that some read as the others.
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
# Where a cell begins; and where one would begin behind another separator, a quote or a line break, for whoever opens
# the file with commas for separators, or whose spreadsheet loses count of the quotes.
_BEGINS = re.compile(rf"^(?=\s*[{_SIGNS}])|^(?=[\t\r\n])|(?<=[,;|\"'\n])(?=[^\S\n]*[{_SIGNS}])")
# XML 1.0 has none of these; the last two are no characters at all.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def show_controls(text: str) -> str:
    """A text in which every control character is a sign to be seen (NUL is ``␀``), half a surrogate pair is ``�``, and
    lines end in the same way. Tabs and lines stay."""
    return _CONTROL.sub(_picture, text.replace("\r\n", "\n").replace("\r", "\n"))


def neutralise(text: str) -> str:
    """A text for a cell of a CSV file that no spreadsheet takes for a formula: an apostrophe stands before its sign."""
    return _BEGINS.sub("'", text)


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"
