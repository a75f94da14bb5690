"""What every file that the app hands out has to be: kept as a file, and inert in the program that opens it."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from xml.etree import ElementTree

import httpx
from icalendar import Calendar

#: What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: A number is none, whatever its sign.
_NUMBER = re.compile(r"[+-]?[\d\s\u202f.,]+%?")
#: An OpenAction that is no dictionary only says which page is shown first.
_ACTIVE_PDF = re.compile(rb"/(JavaScript|JS|AA|Launch|EmbeddedFile|RichMedia|XFA)\b|/OpenAction\s*<<")
_PDF_LINK = re.compile(rb"/URI\s*\(([^)]*)")


def check_download(answer: httpx.Response) -> None:
    """Fail when a browser could show the file as a page, or its program run something in it."""
    kind = answer.headers["content-type"].partition(";")[0]
    where = f"{answer.request.method} {answer.request.url.path} ({kind})"
    assert answer.headers.get("x-content-type-options") == "nosniff", where
    assert answer.headers.get("content-disposition", "").startswith("attachment"), where
    disposition = answer.headers["content-disposition"]
    assert "\n" not in disposition and "<" not in disposition, where
    match kind:
        case "text/csv":
            check_csv(answer.content.decode("utf-8-sig"), where)
        case "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
            _check_xlsx(answer.content, where)
        case "application/json":
            json.loads(answer.content)
        case "application/pdf":
            _check_pdf(answer.content, where)
        case "text/calendar":
            _check_calendar(answer.content, where)
        case "application/zip":
            with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
                for name in archive.namelist():
                    assert not name.startswith("/") and ".." not in name.split("/"), f"{where}: {name}"
                    if name.endswith(".csv"):
                        check_csv(archive.read(name).decode("utf-8-sig"), f"{where}: {name}")
                    elif name.endswith(".json"):
                        json.loads(archive.read(name))
        case "text/x-diff":
            _check_patch(answer.content.decode("utf-8"), where)
        case "text/plain" | "application/x-ndjson" | "application/yaml" | "image/png":
            pass
        case _:
            raise AssertionError(f"{where}: say in downloads.py what makes this kind of file inert")


def check_csv(text: str, where: str) -> None:
    """No cell begins as a formula does; a number may have its sign."""
    delimiter = ";" if text.partition("\n")[0].count(";") >= text.partition("\n")[0].count(",") else ","
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
        for cell in row:
            assert not cell.lstrip(" \u00a0\u200b\ufeff").startswith(_FORMULA) or _NUMBER.fullmatch(cell), (where, cell)


def _check_xlsx(content: bytes, where: str) -> None:
    """No formula, no link to elsewhere, no macro."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            assert "vbaProject" not in name and "externalLink" not in name, f"{where}: {name}"
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                sheet = ElementTree.fromstring(archive.read(name))  # our own file
                tags = {element.tag.rpartition("}")[2] for element in sheet.iter()}
                assert "f" not in tags and "hyperlink" not in tags, f"{where}: {name}"


def _check_pdf(content: bytes, where: str) -> None:
    assert content.startswith(b"%PDF-") and b"%%EOF" in content[-32:], where
    found = _ACTIVE_PDF.search(content)
    assert found is None, f"{where}: {found and found[0]!r}"
    for link in _PDF_LINK.findall(content):
        assert link.startswith((b"http://", b"https://", b"mailto:", b"tel:")), f"{where}: {link!r}"


def _check_patch(text: str, where: str) -> None:
    """It touches nothing but files of examples, whatever their lines say."""
    for line in text.split("\n"):
        assert line.startswith((" ", "+", "-", "@@ ", "\\ No newline")) or not line, f"{where}: {line}"
        if line.startswith(("+++ ", "--- ")):
            assert re.fullmatch(r"(\+\+\+ b|--- a)/nlu/examples/[\w.-]+\.yml", line), f"{where}: {line}"


def _check_calendar(content: bytes, where: str) -> None:
    """One event, with nothing that acts (alarms, attachments) and one value each."""
    calendar = Calendar.from_ical(content)
    events = calendar.walk("VEVENT")
    assert len(events) == 1 and not calendar.walk("VALARM"), where
    assert "attach" not in events[0] and not isinstance(events[0]["summary"], list), where
