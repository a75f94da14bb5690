"""Pages of a document (A4), filled from the top, right to left where its language is."""

from __future__ import annotations

from fpdf import FPDF

from bot.messages import RIGHT_TO_LEFT
from bot.pdf.letters import Letters, Line, order_runs

#: Millimetres around what is written.
MARGIN, BOTTOM = 20.0, 20.0
#: A line is so many times as high as its letters.
LEADING = 1.5
MM_PER_POINT = 25.4 / 72
Color = tuple[int, int, int]
INK: Color = (28, 38, 51)
GREY: Color = (86, 97, 114)
BLUE: Color = (18, 51, 90)
RULE: Color = (210, 205, 196)


class Pages:
    """The pages of one document; heights and widths are in millimetres, sizes of letters in points.

    Attributes:
        pdf: what is drawn on.
        letters: the font.
        is_rtl: whether reading begins at the right.
        room: the width between the margins; `end` is where a page ends at the bottom.
    """

    def __init__(self, title: str, author: str, language: str, *, emptied: str = "") -> None:
        """Begin a document.

        Args:
            title: what readers show as the window's title.
            author: who made it.
            language: a variety.
            emptied: what stands for a text that has nothing but pictures which the font lacks.
        """
        self.is_rtl = language in RIGHT_TO_LEFT
        self._emptied = emptied
        pdf = self.pdf = FPDF(format="A4")
        pdf.alias_nb_pages(None)  # type: ignore[arg-type]  # fpdf2 documents None: what people wrote is left alone
        pdf.set_margins(MARGIN, MARGIN)
        pdf.set_auto_page_break(False)
        pdf.c_margin = 0
        pdf.set_title(title)
        pdf.set_author(author)
        pdf.set_lang(language)
        self.letters = Letters(pdf)
        pdf.add_page()
        self.room, self.end = pdf.epw, pdf.h - BOTTOM

    def number_pages(self, word: str) -> None:
        """Write ``word 1 / 3`` at the foot of each page, now that their number is known."""
        total = self.pdf.page
        for page in range(1, total + 1):
            self.pdf.page = page
            # Each page has a font of its own: told again, also where it is the last one that was told.
            self.pdf.set_font_size(1)
            self.pdf.set_y(self.pdf.h - 13)
            self.write(f"{word} {page} / {total}", 8, GREY, needed=0)

    def write(self, text: str, size: float, color: Color, *, needed: float = 0.0) -> None:
        """A paragraph over the whole width; `needed` is the height of what may not be parted from it."""
        height = self.line_height(size)
        lines = self.break_lines(text, size, self.room, is_rtl=self.is_rtl)
        if needed:
            self.make_room(height * len(lines) + needed)
        for line in lines:
            if self.pdf.y < self.end:
                self.make_room(height)
            self.put(line, size, color, 0, self.room, ends_right=self.is_rtl)
            self.space(height)

    def break_lines(self, text: str, size: float, room: float, *, is_rtl: bool | None = None) -> list[Line]:
        """A text as it can be written, in lines that fit, in its own direction if none is given."""
        shown = self.letters.clean(text)
        if not shown and text.strip():
            shown, is_rtl = self._emptied, self.is_rtl
        return self.letters.break_lines(shown, size, room, is_rtl=is_rtl)

    def put(
        self,
        line: Line,
        size: float,
        color: Color,
        start: float,
        room: float,
        *,
        ends_right: bool,
        beside: float | None = None,
    ) -> None:
        """One line at the present height, `start` millimetres from where reading begins, `beside` letters of a size."""
        pdf = self.pdf
        runs = [(text, is_rtl, self.letters.measure(text, size)) for text, is_rtl in order_runs(line)]
        pdf.set_font_size(size)
        pdf.set_text_color(*color)
        x = MARGIN + (self.room - start - room if self.is_rtl else start)
        if ends_right:
            x += room - sum(width for _, _, width in runs)
        top, baseline = pdf.y, pdf.y + (beside or size) * MM_PER_POINT * 1.1
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

    def rule(self, *, is_faint: bool = False) -> None:
        """A line over the whole width."""
        pdf = self.pdf
        pdf.set_draw_color(*RULE)
        pdf.set_line_width(0.1 if is_faint else 0.4)
        pdf.line(MARGIN, pdf.y + 0.5, MARGIN + self.room, pdf.y + 0.5)
        self.space(2.5)

    def space(self, height: float) -> None:
        """Leave some height empty."""
        self.pdf.y += height

    def make_room(self, height: float) -> None:
        """Go on on a new page unless this one has so much height left."""
        if self.pdf.y + height > self.end:
            self.pdf.add_page()

    @staticmethod
    def line_height(size: float) -> float:
        """What a line of letters takes."""
        return size * MM_PER_POINT * LEADING
