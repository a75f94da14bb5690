"""A file that is sent while it is made (CSV), or once it is whole (Excel); neither is ever held in memory."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any, Final

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from bot.exports import csv_file, xlsx_file
from bot.exports.table import Row, Table

#: Rows that an Excel file may have here: it is made before it is sent, in about a second for 10,000 rows.
MOST_XLSX_ROWS: Final = 200_000
#: A browser that takes nothing for so long has gone, and must not hold the state of the database that is read.
_PATIENCE_S: Final = 60.0
_PIECE: Final = 256 * 1024


class FileResponse(StreamingResponse):
    """A file of pieces whose making ends with the answer, however that ends."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], media_type: str, name: str) -> None:
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it.

        Raises:
            TimeoutError: nobody took a piece.
        """

        async def send_soon(message: Message) -> None:
            async with asyncio.timeout(_PATIENCE_S):
                await send(message)

        try:
            await super().__call__(scope, receive, send_soon)
        finally:
            await self._pieces.aclose()


async def begin(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The same pieces, of which the first is made: what fails before it can still be answered with a page."""
    try:
        first = await anext(pieces)
    except BaseException:
        await pieces.aclose()
        raise
    return _go_on(first, pieces)


async def _go_on(first: bytes, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    try:
        yield first
        async for piece in pieces:
            yield piece
    finally:
        await pieces.aclose()


async def write_csv(table: Table, rows: AsyncIterator[list[Row]]) -> AsyncIterator[bytes]:
    """The pieces of a CSV file, as its rows are read."""
    yield csv_file.write_head(table)
    async for some in rows:
        yield await asyncio.to_thread(csv_file.write_rows, some)


async def write_xlsx(table: Table, rows: AsyncIterator[list[Row]]) -> AsyncIterator[bytes]:
    """The pieces of a workbook, which is made in a temporary folder first; the folder goes with the last piece."""
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="export-", ignore_cleanup_errors=True)
    try:
        path = Path(folder.name) / "export.xlsx"
        book = await asyncio.to_thread(xlsx_file.XlsxFile, path, table)
        try:
            async for some in rows:
                await asyncio.to_thread(book.write_rows, some)
        except BaseException:
            await asyncio.to_thread(book.abandon)
            raise
        await asyncio.to_thread(book.finish)
        file: Any = await asyncio.to_thread(path.open, "rb")
        with file:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                yield piece
    finally:
        await asyncio.to_thread(folder.cleanup)
