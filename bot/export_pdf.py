"""Draw a document about somebody as PDF pages (A4), right to left where its variety is.

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

from bot.export import ORGANISATION, Document, Entry, Said, Section
from bot.messages import RIGHT_TO_LEFT

#: DejaVu Sans writes Latin and Arabic; its licence lets it be shipped (bot/fonts/LICENSE).
_FONT = Path(__file__).resolve().parent / "fonts" / "DejaVuSans.ttf"
#: Millimetres: margins, the width of labels, the space beside a message on the other speaker's side.
_MARGIN, _BOTTOM, _LABELS, _ASIDE = 20.0, 20.0, 52.0, 30.0
#: A line is so many times as high as its letters.
_LEADING = 1.5
_MM_PER_POINT = 25.4 / 72
_INK, _GREY, _BLUE, _RULE = (28, 38, 51), (86, 97, 114), (18, 51, 90), (210, 205, 196)
_THEIRS, _OURS = (228, 238, 250), (243, 241, 237)
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
class _Line:
    """A line of a text, broken but not yet ordered."""

    text: str
    is_rtl: bool


class _Letters:
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
            self._pdf.set_text_shaping(_has_arabic(word))
            width = self._widths[word] = self._pdf.get_string_width(word)
        return width

    def break_lines(self, text: str, size: float, room: float, *, is_rtl: bool | None = None) -> list[_Line]:
        """A clean text in lines that fit, in its own direction if none is given."""
        lines = []
        direction = _is_rtl(text) if is_rtl is None else is_rtl
        space = self.measure(" ", size)
        for paragraph in text.split("\n"):
            line, used = "", 0.0
            for word in paragraph.split(" "):
                for part in self._break_word(word, size, room):
                    width = self.measure(part, size)
                    if line and used + space + width > room:
                        lines.append(_Line(line, direction))
                        line, used = part, width
                    else:
                        line, used = f"{line} {part}" if line else part, used + (space if line else 0) + width
            lines.append(_Line(line, direction))
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


class _Pages:
    """The pages, filled from the top."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._is_rtl = document.variety in RIGHT_TO_LEFT
        pdf = self._pdf = FPDF(format="A4")
        pdf.alias_nb_pages(None)  # type: ignore[arg-type]  # fpdf2 documents None: what people wrote is left alone
        pdf.set_margins(_MARGIN, _MARGIN)
        pdf.set_auto_page_break(False)
        pdf.c_margin = 0
        pdf.set_title(f"{document.title} - {ORGANISATION}")
        pdf.set_author(ORGANISATION)
        pdf.set_lang(document.variety)
        self._letters = _Letters(pdf)
        pdf.add_page()
        self._room, self._end = pdf.epw, pdf.h - _BOTTOM

    def draw(self) -> bytes:
        """Everything, with the page numbers at the end, when their number is known."""
        document = self._document
        self._write(document.title, 22, _BLUE)
        self._write(ORGANISATION, 11, _GREY)
        self._space(3)
        self._draw_entry(document.about)
        self._write(document.rights, 9, _GREY)
        for section in document.sections:
            self._draw_section(section)
        self._space(6)
        if document.nothing:
            self._rule()
            self._draw_entry(Entry((document.nothing,)))
        self._write(document.details, 9, _GREY)
        total = self._pdf.page
        for page in range(1, total + 1):
            self._pdf.page = page
            # Each page has a font of its own: told again, also where it is the last one that was told.
            self._pdf.set_font_size(1)
            self._pdf.set_y(self._pdf.h - 13)
            self._write(f"{document.page} {page} / {total}", 8, _GREY, needed=0)
        return bytes(self._pdf.output())

    def _draw_section(self, section: Section) -> None:
        self._space(7)
        heading = f"{section.heading} ({section.count})"
        below = self._height_of(section.entries[0]) if section.entries else 30.0
        self._write(heading, 14, _BLUE, needed=min(below, 60.0) + 12)
        self._rule()
        for number, entry in enumerate(section.entries):
            if number:
                self._space(1)
                self._rule(is_faint=True)
            self._draw_entry(entry)
        for day in section.days:
            self._space(3)
            self._write(day.name, 9.5, _BLUE, needed=25)
            before: Said | None = None
            for said in day.said:
                is_new = before is None or (before.speaker, before.at) != (said.speaker, said.at)
                self._draw_said(said, is_new=is_new)
                before = said

    def _draw_entry(self, entry: Entry) -> None:
        """Labels on the side where reading begins, values beside them; on one page if it fits on one."""
        height = self._height_of(entry)
        if height < (self._end - _MARGIN) / 2:
            self._make_room(height)
        for label, value in entry.lines:
            labels = self._break(label, 9, _LABELS - 4, is_rtl=self._is_rtl)
            values = self._break(value, 10, self._room - _LABELS)
            self._make_room(self._line_height(10) * min(2, len(values)))
            for number in range(max(len(labels), len(values))):
                self._make_room(self._line_height(10))
                if number < len(labels):
                    self._put(labels[number], 9, _GREY, 0, _LABELS - 4, ends_right=self._is_rtl, beside=10)
                if number < len(values):
                    self._put(values[number], 10, _INK, _LABELS, self._room - _LABELS, ends_right=self._is_rtl)
                self._space(self._line_height(10))
        self._space(2)

    def _height_of(self, entry: Entry) -> float:
        lines = sum(len(self._break(value, 10, self._room - _LABELS)) for _, value in entry.lines)
        return lines * self._line_height(10) + 2

    def _draw_said(self, said: Said, *, is_new: bool) -> None:
        """A message on its speaker's side: the person's where a line ends, ours where it begins."""
        pdf, height = self._pdf, self._line_height(9.5)
        texts = self._break(said.text, 9.5, self._room - _ASIDE - 6)
        notes = [_Line(self._letters.clean(f"({said.note})"), self._is_rtl)] if said.note else []
        by = _Line(self._letters.clean(f"{said.speaker} · {said.at}"), self._is_rtl)
        widest = max(self._letters.measure(line.text, 9.5) for line in (*texts, *notes))
        width = min(max(widest, self._letters.measure(by.text, 8)) + 6.5, self._room - _ASIDE)
        start = self._room - width if said.is_theirs else 0.0
        left = _MARGIN + (self._room - start - width if self._is_rtl else start)
        self._make_room(height * min(len(texts), 3) + 8)
        if is_new:
            self._space(1.5)
            # On the outer side, which is the left one of theirs in Arabic and of ours in French.
            is_outer_right = said.is_theirs != self._is_rtl
            self._put(by, 8, _BLUE if said.is_theirs else _GREY, start, width, ends_right=is_outer_right)
            self._space(self._line_height(8) + 0.8)
        for number, line in enumerate((*texts, *notes)):
            self._make_room(height + 1)
            pdf.set_fill_color(*(_THEIRS if said.is_theirs else _OURS))
            # A little over, so that no seam shows between the lines.
            pdf.rect(left, pdf.y - (0.8 if number == 0 else 0), width, height + 1, style="F")
            color = _GREY if number >= len(texts) else _INK
            self._put(line, 9.5, color, start + 3, width - 6, ends_right=line.is_rtl)
            self._space(height)
        self._space(2.5)

    def _write(self, text: str, size: float, color: tuple[int, int, int], *, needed: float = 0.0) -> None:
        """A paragraph over the whole width; `needed` is the height of what may not be parted from it."""
        height = self._line_height(size)
        lines = self._break(text, size, self._room, is_rtl=self._is_rtl)
        if needed:
            self._make_room(height * len(lines) + needed)
        for line in lines:
            if self._pdf.y < self._end:
                self._make_room(height)
            self._put(line, size, color, 0, self._room, ends_right=self._is_rtl)
            self._space(height)

    def _break(self, text: str, size: float, room: float, *, is_rtl: bool | None = None) -> list[_Line]:
        shown = self._letters.clean(text)
        if not shown and text.strip():
            shown, is_rtl = self._document.emoji, self._is_rtl
        return self._letters.break_lines(shown, size, room, is_rtl=is_rtl)

    def _put(
        self,
        line: _Line,
        size: float,
        color: tuple[int, int, int],
        start: float,
        room: float,
        *,
        ends_right: bool,
        beside: float | None = None,
    ) -> None:
        """One line at the present height, `start` millimetres from where reading begins, `beside` letters of a size."""
        pdf = self._pdf
        runs = [(text, is_rtl, self._letters.measure(text, size)) for text, is_rtl in _order(line)]
        pdf.set_font_size(size)
        pdf.set_text_color(*color)
        x = _MARGIN + (self._room - start - room if self._is_rtl else start)
        if ends_right:
            x += room - sum(width for _, _, width in runs)
        top, baseline = pdf.y, pdf.y + (beside or size) * _MM_PER_POINT * 1.1
        for text, is_rtl, width in runs:
            if is_rtl and not text.isspace():
                pdf.set_text_shaping(True, direction="rtl")
                # A cell without height has its baseline at three tenths of the letters.
                pdf.set_xy(x, baseline - 0.3 * pdf.font_size)
                pdf.cell(width, 0, text)
            elif not is_rtl:
                pdf.set_text_shaping(False)
                pdf.text(x, baseline, text)
            x += width
        pdf.set_y(top)

    def _rule(self, *, is_faint: bool = False) -> None:
        pdf = self._pdf
        pdf.set_draw_color(*_RULE)
        pdf.set_line_width(0.1 if is_faint else 0.4)
        pdf.line(_MARGIN, pdf.y + 0.5, _MARGIN + self._room, pdf.y + 0.5)
        self._space(2.5)

    def _space(self, height: float) -> None:
        self._pdf.y += height

    def _make_room(self, height: float) -> None:
        if self._pdf.y + height > self._end:
            self._pdf.add_page()

    @staticmethod
    def _line_height(size: float) -> float:
        return size * _MM_PER_POINT * _LEADING


def write_pdf(document: Document) -> bytes:
    """The document as a PDF file. It takes seconds for somebody who wrote thousands of messages."""
    return _Pages(document).draw()


def _order(line: _Line) -> Iterable[tuple[str, bool]]:
    """The runs of a line from left to right, each in one direction, with whether it is right to left (UAX #9, L2)."""
    if not line.is_rtl and not _has_arabic(line.text):
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


def _has_arabic(text: str) -> bool:
    """Whether letters of a script from right to left are in a text, or a mark of that direction."""
    return any(char >= "\u0590" and unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text)


def _is_rtl(text: str) -> bool:
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
