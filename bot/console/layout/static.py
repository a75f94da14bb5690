"""The files that the pages load: read once, named by their content's digest, kept by browsers for ever."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import HTTPException, Request, Response

from bot.console.roles import PUBLIC
from bot.console.routing import Pages

FOLDER = Path(__file__).resolve().parent.parent / "static"
FILES: dict[str, str] = {
    "console.css": "text/css",
    "people.css": "text/css",
    "content.css": "text/css",
    "campaigns.css": "text/css",
    "exports.css": "text/css",
    "figures.css": "text/css",
    "console.js": "text/javascript",
    "conversations.css": "text/css",
    "conversations.js": "text/javascript",
    "models.css": "text/css",
    "training.css": "text/css",
    "training.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "vendor/htmx.min.js": "text/javascript",
}

pages = Pages()


@cache
def _read(name: str) -> tuple[bytes, str]:
    body = (FOLDER / name).read_bytes()
    return body, sha256(body).hexdigest()[:16]


def version(name: str) -> str:
    """The address of a file that changes with its content."""
    return f"/console/static/{name}?v={_read(name)[1]}"


@pages.get("/static/{name:path}", allowed=PUBLIC)
async def serve_file(request: Request, name: str) -> Response:
    """One of the listed files, or 304 for a browser that has it (RFC 9110, 13.1.2)."""
    if name not in FILES:
        raise HTTPException(404)
    body, digest = _read(name)
    named = request.query_params.get("v") == digest
    headers = {
        "ETag": f'"{digest}"',
        "Cache-Control": "public, max-age=31536000, immutable" if named else "no-cache",
    }
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if headers["ETag"] in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=f"{FILES[name]}; charset=utf-8", headers=headers)
