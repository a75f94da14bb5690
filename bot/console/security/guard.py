"""What stands before every route: who is there, whether they may, and whether they meant it."""

from __future__ import annotations

import hmac
import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request

from bot.console.roles import PUBLIC, Allowed
from bot.console.security.sessions import Signed, find_session, is_secure, read_session_cookie
from bot.db.engine import Database

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
#: The form's field and the htmx header that carry the token against forged requests.
TOKEN_FIELD = "csrf"
TOKEN_HEADER = "X-CSRF-Token"
HOME = "/console/"
SIGN_IN = "/console/sign-in"
ACCOUNT = "/console/account"
#: What is open, besides its own page, to an account that has no second factor and must have one: the way to it, and
#: the way out.
_ENROLMENT = (f"{ACCOUNT}/second-factor", "/console/sign-out")


class SignInNeeded(Exception):
    """Nobody is signed in on a page that needs somebody; answered with the way to the sign-in page."""


class EnrolmentNeeded(Exception):
    """The account needs a second factor, and the time to do without is over; answered with the way to it."""


class ForgedRequest(Exception):
    """A change without the token of its form, or from another site; answered with 403 and what to do."""


class Guard:
    """The dependency of a route that lets through whom its declaration names.

    Attributes:
        allowed: the roles that may use the route, or `PUBLIC`.
    """

    def __init__(self, allowed: Allowed) -> None:
        self.allowed = allowed

    async def __call__(self, request: Request) -> None:
        """Check one request.

        Raises:
            SignInNeeded: nobody is signed in.
            ForgedRequest: a change that no page of ours asked for.
            EnrolmentNeeded: a second factor comes first.
            HTTPException: 403, the role may not.
        """
        is_public = self.allowed is PUBLIC
        request.state.is_public = is_public
        is_change = request.method not in SAFE_METHODS
        if is_change:
            _check_origin(request)
        signed = await find_signed(request)
        if isinstance(self.allowed, frozenset):
            if signed is None:
                raise SignInNeeded
            if is_change:
                await _check_token(request, signed.csrf_token)
            path = request.url.path
            if signed.must_enrol and path != ACCOUNT and not path.startswith(_ENROLMENT):
                raise EnrolmentNeeded
            if signed.role not in self.allowed:
                raise HTTPException(403)
        elif is_change:
            # Nobody is signed in yet: the form repeats what only our own cookie says.
            await _check_token(request, request.cookies.get(form_cookie(request), ""))


def database(request: Request) -> Database:
    """The app's database."""
    db: Database = request.app.state.assistant.db
    return db


async def find_signed(request: Request) -> Signed | None:
    """Who is signed in, second factor included; asked of the database once a request."""
    session = await find_half_signed(request)
    return session if session is not None and session.is_complete else None


async def find_half_signed(request: Request) -> Signed | None:
    """Who gave a right password, whether or not the second factor is still missing."""
    if not hasattr(request.state, "session"):
        request.state.session = await find_session(database(request), read_session_cookie(request))
    session: Signed | None = request.state.session
    return session


async def _give_signed(request: Request) -> Signed:
    signed = await find_signed(request)
    if signed is None:
        raise SignInNeeded
    return signed


#: What an endpoint asks for to know who is there.
SignedIn = Annotated[Signed, Depends(_give_signed)]


def form_cookie(request: Request) -> str:
    """The name of the cookie that ties the forms before the sign-in to their browser."""
    return "__Secure-console-form" if is_secure(request) else "console-form"


def form_token(request: Request) -> str:
    """The token of the forms before the sign-in: the browser's, or a new one for `layout.render` to set."""
    if not hasattr(request.state, "form_token"):
        known = request.cookies.get(form_cookie(request), "")
        request.state.form_token = known if len(known) == 43 and known.isascii() else secrets.token_urlsafe(32)
    token: str = request.state.form_token
    return token


def own_path(given: str) -> str:
    """The given path if it is one of the console's, else its home page: no way out to another site."""
    parts = urlsplit(given)
    is_ours = (
        given.startswith("/console/")
        and not parts.scheme
        and not parts.netloc
        and "\\" not in given
        and given.isprintable()
        and len(given) <= 2_000
    )
    return given if is_ours else HOME


def safe_next(given: str) -> str:
    """Where to go after signing in: the given path, unless it is not ours or about signing in itself."""
    path = own_path(given)
    return HOME if path.startswith(("/console/sign-", "/console/second-factor", "/console/invitation")) else path


def _check_origin(request: Request) -> None:
    """Refuse what a browser says comes from another site; a client that says nothing must know the token."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise ForgedRequest
    origin = request.headers.get("origin")
    if origin is None:
        return
    public_url = request.app.state.assistant.settings.public_url
    if origin != public_url and urlsplit(origin).netloc != request.headers.get("host"):
        raise ForgedRequest


async def _check_token(request: Request, expected: str) -> None:
    given = request.headers.get(TOKEN_HEADER)
    if given is None:
        given = (await read_form(request)).get(TOKEN_FIELD, "")
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise ForgedRequest


async def read_form(request: Request) -> dict[str, str]:
    """The texts of a posted form, without NUL, which PostgreSQL keeps not; of a repeated field the last one."""
    form = await request.form()
    return {name: value.replace("\x00", "") for name, value in form.items() if isinstance(value, str)}
