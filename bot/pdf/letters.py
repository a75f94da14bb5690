"""Letters in a document: which the font has, how wide they are, where lines break, and in which order they stand.

fpdf2 (2.8.9) orders only what is in one direction well: in a line of Latin letters with Arabic ones and numbers inside,
it misplaces spaces and numbers. So lines are broken here, by words, and ordered here, by the levels of Unicode's
bidirectional algorithm (UAX #9, rule L2); fpdf2 draws each run, which is in one direction, with its shaping.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from fpdf import FPDF
from fpdf.bidi import BidiParagraph
from fpdf.enums import TextDirection

#: DejaVu Sans writes Latin and Arabic; its licence lets it be shipped (bot/fonts/LICENSE).
_FONT = Path(__file__).resolve().parent.parent / "fonts" / "DejaVuSans.ttf"
#: Pictures that the assistant writes and the font lacks, by their like in the font.
_LIKE = str.maketrans(
    {"✅": "✔", "❌": "✘", "🔗": "→", "➡": "→", "\u2028": "\n", "\u2029": "\n", "\r": "\n", "\t": " "}
)
#: Marks of direction, and joiners that shape Arabic letters, are kept; other invisible controls could turn the order of
#: somebody's words around, or hide them.
_KEPT_CONTROLS = frozenset("\n\u200c\u200d\u200e\u200f")
#: Shares of words from right to left from which on a text is, whatever it begins with, or if it begins so.
_MOSTLY, _PARTLY = 0.5, 0.2
#: Classes of characters that part a line from right to left into runs: letters of the other direction, and numbers.
_BY_LEVEL = frozenset({"L", "EN", "AN"})
#: What stands for letters of a script that the font lacks.
_UNWRITTEN = "[…]"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text, broken but not yet ordered."""

    text: str
    is_rtl: bool


class Letters:
    """The font: what it has, and how wide it is."""

    def __init__(self, pdf: FPDF) -> None:
        pdf.add_font("DejaVu", fname=str(_FONT))
        pdf.set_font("DejaVu", size=10)
        self._pdf = pdf
        self._cmap = pdf.fonts["dejavu"].cmap  # type: ignore[union-attr]  # a TrueType font
        self._widths: dict[str, float] = {}

    def clean(self, text: str) -> str:
        """A text of what the font has: emojis go, letters that it lacks are marked, controls of direction go."""
        text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").translate(_LIKE))
        written: list[str] = []
        for char in text:
            category = unicodedata.category(char)
            if char in _KEPT_CONTROLS:
                written.append(char)
            elif category in ("Cc", "Cf", "Cs", "Co", "Cn") or 0xFE00 <= ord(char) <= 0xFE0F:
                continue
            elif ord(char) in self._cmap:
                written.append(char)
            elif category.startswith("Z"):
                written.append(" ")
            elif all(ord(part) in self._cmap for part in unicodedata.normalize("NFKC", char)):
                # "ﷺ" and letters for mathematics, which some write names with.
                written.append(unicodedata.normalize("NFKC", char))
            elif category[0] in "LN" and (not written or written[-1] != _UNWRITTEN):
                written.append(_UNWRITTEN)
        lines = (" ".join(filter(None, line.split(" "))) for line in "".join(written).split("\n"))
        return "\n".join(lines).strip("\n")

    def measure(self, text: str, size: float) -> float:
        """The width of a text on one line, in millimetres: letters are joined within words only."""
        first, *others = text.split(" ")
        width = self._measure_word(first)
        for word in others:
            width += self._measure_word(" ") + self._measure_word(word)
        return width * size / 10

    def _measure_word(self, word: str) -> float:
        """The width of letters of ten points, which words that come again and again are not measured twice for."""
        width = self._widths.get(word)
        if width is None:
            self._pdf.set_font_size(10)
            self._pdf.set_text_shaping(has_arabic(word))
            width = self._widths[word] = self._pdf.get_string_width(word)
        return width

    def break_lines(self, text: str, size: float, room: float, *, is_rtl: bool | None = None) -> list[Line]:
        """A clean text in lines that fit, in its own direction if none is given."""
        lines = []
        direction = is_rtl_text(text) if is_rtl is None else is_rtl
        space = self.measure(" ", size)
        for paragraph in text.split("\n"):
            line, used = "", 0.0
            for word in paragraph.split(" "):
                for part in self._break_word(word, size, room):
                    width = self.measure(part, size)
                    if line and used + space + width > room:
                        lines.append(Line(line, direction))
                        line, used = part, width
                    else:
                        line, used = f"{line} {part}" if line else part, used + (space if line else 0) + width
            lines.append(Line(line, direction))
        return lines

    def _break_word(self, word: str, size: float, room: float) -> Iterator[str]:
        """A word in parts that fit: the whole, unless it is an address or a row of letters without end."""
        if self.measure(word, size) <= room:
            yield word
            return
        part, used = "", 0.0
        for char in word:
            width = self.measure(char, size)
            if part and used + width > room and not unicodedata.combining(char):
                yield part
                part, used = "", 0.0
            part, used = part + char, used + width
        yield part


def order_runs(line: Line) -> Iterable[tuple[str, bool]]:
    """The runs of a line from left to right, each in one direction, with whether it is right to left (UAX #9, L2)."""
    if not line.is_rtl and not has_arabic(line.text):
        return [(line.text, False)]
    if line.is_rtl and not any(unicodedata.bidirectional(char) in _BY_LEVEL for char in line.text):
        return [(line.text, True)]
    paragraph = BidiParagraph(
        line.text, TextDirection.RTL if line.is_rtl else TextDirection.LTR, preserve_bn_chars=True
    )
    chars = paragraph.get_characters_with_embedding_level()
    runs = [
        ("".join(char.character for char in group), level)
        for level, group in groupby(chars, lambda c: c.embedding_level)
    ]
    for level in range(max((level for _, level in runs), default=0), 0, -1):
        ordered: list[tuple[str, int]] = []
        for is_inside, group in groupby(runs, lambda run, level=level: run[1] >= level):  # type: ignore[misc]
            inside = list(group)
            ordered += reversed(inside) if is_inside else inside
        runs = ordered
    return [(text, level % 2 == 1) for text, level in runs]


def has_arabic(text: str) -> bool:
    """Whether letters of a script from right to left are in a text, or a mark of that direction."""
    return any(char >= "\u0590" and unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text)


def is_rtl_text(text: str) -> bool:
    """Whether a text is to be read from right to left: by its words, since names and addresses are in Latin letters.

    Unicode goes by the first letter (UAX #9, P2), which turns an Arabic text around that begins with "JobInTech".
    """
    words = [direction for direction in map(_direction_of, text.split()) if direction is not None]
    if not words:
        return False
    share = words.count("R") / len(words)
    return share > _MOSTLY or (words[0] == "R" and share > _PARTLY)


def _direction_of(word: str) -> str | None:
    """L or R, by the first letter of a word that has a direction; None when none has."""
    directions = map(unicodedata.bidirectional, word)
    found = next((direction for direction in directions if direction in ("L", "R", "AL")), None)
    return "R" if found == "AL" else found
