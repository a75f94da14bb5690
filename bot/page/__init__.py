"""The chat page at `/`: one HTML file, one stylesheet and one script, with the labels of every variety inside.

It talks to `POST /web/messages` and `POST /web/updates` like any other program. Nothing is loaded from elsewhere, and
the Content-Security-Policy says so: a text of the bot or of a person that held markup could run nothing even if the
script let it through.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from fastapi import APIRouter, Request, Response
from jinja2 import Environment, StrictUndefined

from bot.content import load_words, phrase
from bot.messages import DEFAULT_VARIETY, LANGUAGE_NAMES, RIGHT_TO_LEFT, TEXT_LIMIT_CHARS, VARIETIES

FOLDER = Path(__file__).resolve().parent

#: The languages of the chooser, each under its own name; the last choice, automatic, is named by the labels.

_PHRASES = ("title", "placeholder", "send", "offline", "typing", "language", "restart", "machine_notice")

_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_SECURITY_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}

#: Revalidated at every visit: a new release shows at once, and an unchanged one costs an empty 304.
_REVALIDATE = "no-cache"
#: For an address that names its content's digest, which therefore never changes: one year.
_FOR_EVER = "public, max-age=31536000, immutable"


def load_labels() -> dict[str, dict[str, str]]:
    """The labels of the page by variety: the `chat_` phrases of `bot/content/` and the page's own `labels.yml`."""
    own: dict[str, dict[str, str]] = yaml.safe_load((FOLDER / "labels.yml").read_text(encoding="utf-8"))
    words = load_words()
    labels: dict[str, dict[str, str]] = {}
    for variety in VARIETIES:
        automatic = words[variety].choices.get("language_automatic")
        labels[variety] = {
            **own[variety],
            **{key: phrase(variety, f"chat_{key}") for key in _PHRASES},
            "automatic": str(automatic or words[DEFAULT_VARIETY].choices["language_automatic"]),
        }
    return labels


def router() -> APIRouter:
    """The routes of the page: `/` and the three files that it loads, all read once, here."""
    routes = APIRouter(include_in_schema=False)
    versions = {}
    for name, media_type in (
        ("chat.css", "text/css"),
        ("chat.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    ):
        body = (FOLDER / name).read_bytes()
        versions[name] = _digest(body)
        routes.add_api_route(f"/page/{name}", _serving(body, media_type), methods=["GET", "HEAD"], name=f"page:{name}")
    page = _render(versions).encode()
    routes.add_api_route("/", _serving(page, "text/html"), methods=["GET", "HEAD"], name="page")
    return routes


def _render(versions: dict[str, str]) -> str:
    """The HTML, in French until the script knows better; `tojson` escapes what could end the script block."""
    labels = load_labels()
    settings: dict[str, Any] = {
        "labels": labels,
        "directions": {variety: "rtl" if variety in RIGHT_TO_LEFT else "ltr" for variety in VARIETIES},
        "languages": LANGUAGE_NAMES,
        "limit_chars": TEXT_LIMIT_CHARS,
    }
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": True}
    template = environment.from_string((FOLDER / "index.html").read_text(encoding="utf-8"))
    return template.render(
        variety=DEFAULT_VARIETY,
        labels=labels[DEFAULT_VARIETY],
        languages=LANGUAGE_NAMES,
        directions=settings["directions"],
        settings=settings,
        versions=versions,
    )


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()[:16]


def _serving(body: bytes, media_type: str) -> Callable[[Request], Response]:
    """A route that answers with one fixed body, or with 304 to a browser that has it already (RFC 9110, 13.1.2)."""
    digest = _digest(body)
    etag = f'"{digest}"'

    def serve(request: Request) -> Response:
        named = request.query_params.get("v") == digest
        headers = {**_SECURITY_HEADERS, "ETag": etag, "Cache-Control": _FOR_EVER if named else _REVALIDATE}
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
        if etag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=f"{media_type}; charset=utf-8", headers=headers)

    return serve
