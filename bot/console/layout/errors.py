"""What went wrong, as a page of the console; and the headers that every answer carries."""

from __future__ import annotations

import logging
from typing import Final
from urllib.parse import urlencode, urlsplit

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from sqlalchemy.exc import NoResultFound
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.console.layout import render
from bot.console.security.guard import (
    ACCOUNT,
    SIGN_IN,
    EnrolmentNeeded,
    ForgedRequest,
    SignInNeeded,
    find_signed,
    safe_next,
)
from bot.db.engine import AWAY

logger = logging.getLogger(__name__)

_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "media-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final[dict[str, str]] = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With "no-referrer" browsers would say "Origin: null" of our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}
_KNOWN = (403, 404, 405, 413, 503)


class Headers:
    """ASGI middleware: the security headers, and nothing kept by browsers unless a route says so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add them to the beginning of each answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


def add_handlers(app: FastAPI) -> None:
    """Answer errors with pages."""
    app.add_exception_handler(SignInNeeded, _ask_to_sign_in)
    app.add_exception_handler(EnrolmentNeeded, _ask_to_enrol)
    app.add_exception_handler(ForgedRequest, _refuse_forged)
    app.add_exception_handler(StarletteHTTPException, _show_status)
    # A row that an address names and that is not there.
    app.add_exception_handler(NoResultFound, _show_not_found)
    app.add_exception_handler(RequestValidationError, _show_not_found)
    app.add_exception_handler(Exception, _show_failure)
    for error in AWAY:
        app.add_exception_handler(error, _show_away)


async def _ask_to_sign_in(request: Request, _error: Exception) -> Response:
    """To the sign-in page, and from there back to where one wanted to go."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.headers.get("HX-Request") == "true":
        current = urlsplit(request.headers.get("HX-Current-URL", ""))
        wanted = current.path + (f"?{current.query}" if current.query else "")
        return Response(status_code=401, headers={"HX-Redirect": _sign_in_for(wanted)})
    return RedirectResponse(_sign_in_for(wanted if request.method == "GET" else ""), 303)


async def _ask_to_enrol(request: Request, _error: Exception) -> Response:
    """To the account's page, which says what is missing and how to get it."""
    if request.headers.get("HX-Request") == "true":
        return Response(status_code=403, headers={"HX-Redirect": ACCOUNT})
    return RedirectResponse(ACCOUNT, 303)


def _sign_in_for(wanted: str) -> str:
    wanted = safe_next(wanted)
    return f"{SIGN_IN}?{urlencode({'next': wanted})}" if wanted != safe_next("") else SIGN_IN


async def _refuse_forged(request: Request, _error: Exception) -> Response:
    return await _show(request, 403, "forged")


async def _show_status(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException | StarletteHTTPException) else 500
    return await _show(request, status, str(status) if status in _KNOWN else "other")


async def _show_not_found(request: Request, _error: Exception) -> Response:
    # Only paths are declared to FastAPI: an id that is no number is an address that leads nowhere.
    return await _show(request, 404, "404")


async def _show_away(request: Request, error: Exception) -> Response:
    logger.error("a page of the console can't reach the database: %s", type(error).__name__)
    request.state.session = None
    return await _show(request, 503, "503")


async def _show_failure(request: Request, _error: Exception) -> Response:
    """A mistake of ours; the server logs it. It is answered outside of `Headers`."""
    request.state.session = getattr(request.state, "session", None)
    response = await _show(request, 500, "other")
    response.headers.update(HEADERS | {"Cache-Control": "no-store"})
    return response


async def _show(request: Request, status: int, key: str) -> Response:
    signed = await find_signed(request)
    request.state.is_public = signed is None
    return render(request, "error.html", status, key=key, code=status)
