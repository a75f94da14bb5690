"""Draw a document about somebody as PDF pages (A4), right to left where its variety is."""

from __future__ import annotations

from bot.export import ORGANISATION, Document, Entry, Said, Section
from bot.pdf.letters import Line
from bot.pdf.pages import BLUE, GREY, INK, MARGIN, Color, Pages

#: Millimetres: the width of labels, the space beside a message on the other speaker's side.
_LABELS, _ASIDE = 52.0, 30.0
_THEIRS: Color = (228, 238, 250)
_OURS: Color = (243, 241, 237)


class _DocumentPages(Pages):
    """The pages of a document about somebody."""

    def __init__(self, document: Document) -> None:
        title = f"{document.title} - {ORGANISATION}"
        super().__init__(title, ORGANISATION, document.variety, emptied=document.emoji)
        self._document = document

    def draw(self) -> bytes:
        """Everything, with the page numbers at the end, when their number is known."""
        document = self._document
        self.write(document.title, 22, BLUE)
        self.write(ORGANISATION, 11, GREY)
        self.space(3)
        self._draw_entry(document.about)
        self.write(document.rights, 9, GREY)
        for section in document.sections:
            self._draw_section(section)
        self.space(6)
        if document.nothing:
            self.rule()
            self._draw_entry(Entry((document.nothing,)))
        self.write(document.details, 9, GREY)
        self.number_pages(document.page)
        return bytes(self.pdf.output())

    def _draw_section(self, section: Section) -> None:
        self.space(7)
        heading = f"{section.heading} ({section.count})"
        below = self._height_of(section.entries[0]) if section.entries else 30.0
        self.write(heading, 14, BLUE, needed=min(below, 60.0) + 12)
        self.rule()
        for number, entry in enumerate(section.entries):
            if number:
                self.space(1)
                self.rule(is_faint=True)
            self._draw_entry(entry)
        for day in section.days:
            self.space(3)
            self.write(day.name, 9.5, BLUE, needed=25)
            before: Said | None = None
            for said in day.said:
                is_new = before is None or (before.speaker, before.at) != (said.speaker, said.at)
                self._draw_said(said, is_new=is_new)
                before = said

    def _draw_entry(self, entry: Entry) -> None:
        """Labels on the side where reading begins, values beside them; on one page if it fits on one."""
        height = self._height_of(entry)
        if height < (self.end - MARGIN) / 2:
            self.make_room(height)
        for label, value in entry.lines:
            labels = self.break_lines(label, 9, _LABELS - 4, is_rtl=self.is_rtl)
            values = self.break_lines(value, 10, self.room - _LABELS)
            self.make_room(self.line_height(10) * min(2, len(values)))
            for number in range(max(len(labels), len(values))):
                self.make_room(self.line_height(10))
                if number < len(labels):
                    self.put(labels[number], 9, GREY, 0, _LABELS - 4, ends_right=self.is_rtl, beside=10)
                if number < len(values):
                    self.put(values[number], 10, INK, _LABELS, self.room - _LABELS, ends_right=self.is_rtl)
                self.space(self.line_height(10))
        self.space(2)

    def _height_of(self, entry: Entry) -> float:
        lines = sum(len(self.break_lines(value, 10, self.room - _LABELS)) for _, value in entry.lines)
        return lines * self.line_height(10) + 2

    def _draw_said(self, said: Said, *, is_new: bool) -> None:
        """A message on its speaker's side: the person's where a line ends, ours where it begins."""
        pdf, height = self.pdf, self.line_height(9.5)
        texts = self.break_lines(said.text, 9.5, self.room - _ASIDE - 6)
        notes = [Line(self.letters.clean(f"({said.note})"), self.is_rtl)] if said.note else []
        by = Line(self.letters.clean(f"{said.speaker} · {said.at}"), self.is_rtl)
        widest = max(self.letters.measure(line.text, 9.5) for line in (*texts, *notes))
        width = min(max(widest, self.letters.measure(by.text, 8)) + 6.5, self.room - _ASIDE)
        start = self.room - width if said.is_theirs else 0.0
        left = MARGIN + (self.room - start - width if self.is_rtl else start)
        self.make_room(height * min(len(texts), 3) + 8)
        if is_new:
            self.space(1.5)
            # On the outer side, which is the left one of theirs in Arabic and of ours in French.
            is_outer_right = said.is_theirs != self.is_rtl
            self.put(by, 8, BLUE if said.is_theirs else GREY, start, width, ends_right=is_outer_right)
            self.space(self.line_height(8) + 0.8)
        for number, line in enumerate((*texts, *notes)):
            self.make_room(height + 1)
            pdf.set_fill_color(*(_THEIRS if said.is_theirs else _OURS))
            # A little over, so that no seam shows between the lines.
            pdf.rect(left, pdf.y - (0.8 if number == 0 else 0), width, height + 1, style="F")
            color = GREY if number >= len(texts) else INK
            self.put(line, 9.5, color, start + 3, width - 6, ends_right=line.is_rtl)
            self.space(height)
        self.space(2.5)


def write_pdf(document: Document) -> bytes:
    """The document as a PDF file. It takes seconds for somebody who wrote thousands of messages."""
    return _DocumentPages(document).draw()
