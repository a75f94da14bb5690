"""The page on which a file is asked for, with the filters of the list of conversations, and the file itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request, Response

from bot.clock import today
from bot.console.audit import record
from bot.console.conversations import ANSWERING
from bot.console.conversations import PATH as LIST_PATH
from bot.console.conversations.pages import describe_filters, narrow, read_filters
from bot.console.exports import PATH
from bot.console.exports.fields import FRENCH
from bot.console.exports.files import MOST_XLSX_ROWS, FileResponse, begin, write_csv, write_xlsx
from bot.console.exports.rows import ROW_KINDS, RowKind, Wanted, count_rows, describe_table, read_rows
from bot.console.layout import find_language, render
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages
from bot.console.security.guard import SignedIn, database, read_form
from bot.console.security.sessions import Signed
from bot.db.engine import Database
from bot.db.filters import Filters
from bot.exports import csv_file, xlsx_file
from bot.wording import number

FORMATS: Final = {"xlsx": xlsx_file.MEDIA_TYPE, "csv": csv_file.MEDIA_TYPE}
#: Filters whose values may name a person: the log, which forgets nobody, keeps only that they were there.
_NAMING = frozenset({"text", "tag", "held_by"})
#: Files that are made at once; each holds a connection, and a core for as long as it is made.
_AT_ONCE: Final = 2
_running = asyncio.Semaphore(_AT_ONCE)

pages = Pages()


@pages.get("/exports", allowed=EVERYBODY)
async def show_form(request: Request, signed: SignedIn) -> Response:
    """What would be in the file, and the choices of it."""
    return await _show(request, signed, dict(request.query_params))


@pages.post("/exports/file", allowed=EVERYBODY)
async def send_file(request: Request, signed: SignedIn) -> Response:
    """The file; the log says who took it, with which filters, of how many rows, and whether with personal data."""
    form = await read_form(request)
    filters, errors = _read_filters(form, signed)
    kind, format_ = form.get("rows", ""), form.get("format", "")
    if kind not in ROW_KINDS:
        errors["rows"] = "exports.wrong.rows"
    if format_ not in FORMATS:
        errors["format"] = "exports.wrong.format"
    is_personal = form.get("personal") == "1"
    if is_personal and signed.role not in ANSWERING:
        errors["personal"] = "exports.wrong.personal"
    if errors:
        return await _show(request, signed, form, errors)
    if _running.locked():
        return await _show(request, signed, form, {"file": "exports.wrong.busy"}, 503)
    wanted = Wanted(kind, filters, is_personal)  # type: ignore[arg-type]  # one of ROW_KINDS
    try:
        pieces = await begin(_make(database(request), signed, wanted, format_))
    except _TooManyRows:
        return await _show(request, signed, form, {"format": "exports.wrong.too_many"})
    return FileResponse(pieces, FORMATS[format_], _name_file(wanted, format_))


class _TooManyRows(Exception):
    """More than an Excel file has here."""


async def _make(db: Database, signed: Signed, wanted: Wanted, format_: str) -> AsyncGenerator[bytes, None]:
    """The pieces of a file, all of one state of the database; nothing is sent before the log has it."""
    async with _running, db.snapshot() as session:
        count = await count_rows(session, wanted)
        if format_ == "xlsx" and count > MOST_XLSX_ROWS:
            raise _TooManyRows
        async with db.write() as logging:
            record(
                logging, signed.member_id, "conversations_exported", f"{wanted.kind}s",
                format=format_, count=count, personal=wanted.is_personal, filters=_list_logged(wanted.filters),
            )  # fmt: skip
        chips = [(each["label"], each["value"]) for each in describe_filters(FRENCH, wanted.filters)]
        table = describe_table(wanted, chips, signed.name)
        rows = read_rows(session, wanted)
        write = write_csv if format_ == "csv" else write_xlsx
        async for piece in write(table, rows):
            yield piece


def _list_logged(filters: Filters) -> list[str]:
    return [name if name in _NAMING else f"{name}={value}" for name, value in filters.as_parameters().items()]


def _name_file(wanted: Wanted, format_: str) -> str:
    first, last = wanted.filters.from_day, wanted.filters.to_day
    period = "-".join(str(day) for day in (first, last) if day) or str(today())
    return f"{'conversations' if wanted.kind == 'conversation' else 'messages'}-{period}.{format_}"


def _read_filters(asked: Mapping[str, str], signed: Signed) -> tuple[Filters, dict[str, str]]:
    """The filters of an address or a form, the view of the list among them."""
    given = {name: value.replace("\x00", "") for name, value in asked.items() if value}
    filters, errors = read_filters(given)
    return narrow(filters, given.get("view", "all"), signed), errors


async def _show(
    request: Request,
    signed: Signed,
    asked: Mapping[str, str],
    errors: dict[str, str] | None = None,
    status: int = 422,
) -> Response:
    filters, wrong = _read_filters(asked, signed)
    errors = (errors or {}) | wrong
    language = find_language(request)
    counts: dict[RowKind, int] = {}
    async with database(request).read() as session:
        for kind in ROW_KINDS:
            counts[kind] = await count_rows(session, Wanted(kind, filters, False))
    parameters = filters.as_parameters()
    kept = {name: value for name, value in parameters.items() if name not in ("from", "to")}
    chips = [each for each in describe_filters(language, filters) if each["name"] not in ("from", "to")]
    shown: dict[str, Any] = {
        "kept": kept,
        "chips": chips,
        "counts": {kind: number(count, language) for kind, count in counts.items()},
        "asked": asked,
        "errors": errors,
        "list_path": f"{LIST_PATH}?{urlencode(parameters)}" if parameters else LIST_PATH,
        "all_path": PATH,
        "may_see": signed.role in ANSWERING,
        "most_xlsx": number(MOST_XLSX_ROWS, language),
    }
    return render(request, "exports/form.html", status if errors else 200, **shown)
