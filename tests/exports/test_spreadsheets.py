"""Tables as CSV and as Excel workbooks, read back by other libraries than those that write them."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from hostile_cells import BREAKERS, FORMULAS, TEXTS
from openpyxl.utils.escape import unescape

from bot.exports import csv_file, xlsx_file
from bot.exports.inert import neutralise, show_controls
from bot.exports.table import Column, Row, Table
from bot.exports.xlsx_file import SheetFull, XlsxFile

TABLE = Table(
    "Essai",
    (
        Column("Numéro", "number", "Un nombre."),
        Column("Texte", "text", "Un texte."),
        Column("Part", "decimal", "De 0 à 1."),
        Column("Le", "moment", "Un moment."),
        Column("Vrai", "flag", "Oui ou non."),
    ),
    (("Période", "novembre"), ("=1+1", "=2+2")),
)
#: In Ramadan of 2026 Morocco is at UTC, else an hour ahead.
IN_RAMADAN, AFTER = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 11, 23, 13, 5, 9, tzinfo=UTC)
SIGNS = tuple("=+-@\t\r＝＋－＠")


def write_book(path: Path, rows: list[Row], table: Table = TABLE) -> XlsxFile:
    book = XlsxFile(path, table)
    book.write_rows(rows)
    book.finish()
    return book


def read_csv(content: bytes, delimiter: str = ";") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def test_a_workbook_has_typed_cells(tmp_path: Path) -> None:
    """Numbers, times of Morocco, truths and texts are what they are; nothing is an empty cell."""
    path = tmp_path / "a.xlsx"
    write_book(
        path, [(-7, "0612", 0.875, AFTER, True), (0, "", None, IN_RAMADAN, False), (None, None, None, None, None)]
    )
    sheet = openpyxl.load_workbook(path)["Essai"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert rows[0] == [-7, "0612", 0.875, datetime(2026, 11, 23, 14, 5, 9), True]
    assert rows[1] == [0, None, None, datetime(2026, 3, 1, 12), False]
    assert [cell.data_type for cell in sheet[2]] == ["n", "s", "n", "d", "b"]
    assert [cell.value for cell in sheet[1]] == TABLE.headings


def test_a_workbook_can_be_read(tmp_path: Path) -> None:
    """The first row stays, filters are there, and a second sheet says what it is about."""
    path = tmp_path / "a.xlsx"
    write_book(path, [(1, "a", 0.5, AFTER, True)])
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Essai", "Lisez-moi"]
    assert book["Essai"].freeze_panes == "A2" and book["Essai"].auto_filter.ref == "A1:E2"
    notes = {row[0]: row[1] for row in book["Lisez-moi"].iter_rows(values_only=True) if row[0]}
    assert notes["Période"] == "novembre" and notes["Lignes"] == "1" and notes["Le"] == "Un moment."
    assert notes["=1+1"] == "=2+2"


def test_nothing_in_a_workbook_is_run(tmp_path: Path) -> None:
    """Every hostile text comes back as a text, as it was written but for what can't be in one."""
    path = tmp_path / "a.xlsx"
    table = Table("Essai", (Column("=1+1"), Column("Texte")))
    write_book(path, [(text, text) for text in TEXTS], table)
    with zipfile.ZipFile(path) as parts:
        assert all(b"<f>" not in parts.read(name) for name in parts.namelist() if "worksheets" in name)
        assert not any("hyperlink" in name.lower() or "external" in name.lower() for name in parts.namelist())
    rows = list(openpyxl.load_workbook(path)["Essai"].iter_rows(min_row=2))
    assert len(rows) == len(TEXTS)
    for text, row in zip(TEXTS, rows, strict=True):
        for cell in row:
            assert cell.data_type == "s", text[:40]
            assert isinstance(cell.value, str)
            shown = show_controls(text)
            if len(text) < 20_000:
                # Excel escapes "_x0041_" in a text, lest it is taken for "A"; openpyxl leaves that to its users.
                assert unescape(cell.value).removeprefix(" ") == shown.removeprefix(" "), text


def test_a_long_text_is_cut_and_that_is_said(tmp_path: Path) -> None:
    """Excel counts in UTF-16; no pair is parted, and the second sheet says how many were cut."""
    path = tmp_path / "a.xlsx"
    longest = "x" * xlsx_file.MOST_UNITS
    texts = [longest, longest + "x", "😀" * 20_000]
    book = write_book(path, [(text,) for text in texts], Table("Essai", (Column("Texte"),)))
    read = openpyxl.load_workbook(path)
    cells = [row[0] for row in read["Essai"].iter_rows(min_row=2, values_only=True)]
    assert book.cut == 2 and cells[0] == longest
    for cell in cells[1:]:
        assert isinstance(cell, str) and cell.endswith(" […]")
        assert len(cell.encode("utf-16-le")) // 2 <= xlsx_file.MOST_UNITS
    notes = {row[0]: row[1] for row in read["Lisez-moi"].iter_rows(values_only=True)}
    assert str(notes["Textes coupés"]).startswith("2 cellules")


def test_a_full_sheet_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No row is lost silently."""
    monkeypatch.setattr(xlsx_file, "MOST_ROWS", 3)
    book = XlsxFile(tmp_path / "a.xlsx", Table("Essai", (Column("N", "number"),)))
    book.write_rows([(1,), (2,)])
    with pytest.raises(SheetFull, match="holds 2 rows"):
        book.write_rows([(3,)])
    book.abandon()


def test_csv_is_what_a_french_excel_opens() -> None:
    """UTF-8 with its mark, semicolons, decimal commas; numbers are not neutralised."""
    rows = [(-7, "été", -0.5, AFTER, True), (1, None, None, None, False)]
    content = csv_file.write_head(TABLE) + csv_file.write_rows(rows)
    assert content.startswith(b"\xef\xbb\xbf") and content.endswith(b"\r\n")
    assert read_csv(content) == [
        TABLE.headings,
        ["-7", "été", "-0,5", "2026-11-23 14:05:09", "oui"],
        ["1", "", "", "", "non"],
    ]


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_nothing_in_csv_is_run(delimiter: str) -> None:
    """Whatever the separator that somebody opens the file with, and where lines break, no cell begins as a formula."""
    content = csv_file.write_rows([(text, "fin") for text in TEXTS])
    for row in read_csv(content, delimiter):
        for cell in row:
            assert not cell.lstrip(' \u00a0"').startswith(SIGNS), cell[:60]
    lines = content.decode().replace("\r\n", "\n").split("\n")
    assert not any(line.lstrip(' \u00a0"').startswith(SIGNS) for line in lines)


def test_csv_loses_no_text() -> None:
    """But for apostrophes, what was written is what is read."""
    rows = read_csv(csv_file.write_rows([(text,) for text in TEXTS]))
    assert [row[0].replace("'", "") for row in rows] == [show_controls(text).replace("'", "") for text in TEXTS]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    """Only one where there is one sign."""
    made = neutralise(show_controls(text))
    assert made != show_controls(text) and made.replace("'", "") == show_controls(text).replace("'", "")


@pytest.mark.parametrize(
    "text", ["", "bonjour", "10 - 3", "a+b=c", "06 12 34 56 78", "x@y.ma", "C'est-à-dire", "JIT-7F3K9Q"]
)
def test_plain_texts_are_left_alone(text: str) -> None:
    """A sign in the middle of a text begins nothing."""
    assert neutralise(text) == text


def test_controls_are_seen() -> None:
    """They are signs, not lost; what XML forbids is nowhere."""
    assert show_controls("a\x00b\x1bc\x7f\ud800") == "a␀b␛c␡�"
    assert show_controls("a\r\nb\rc\td") == "a\nb\nc\td"
    for text in BREAKERS:
        show_controls(text).encode("utf-8")
