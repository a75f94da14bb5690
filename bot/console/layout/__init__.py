"""What every page has in common: its language and direction, its navigation, and how it is rendered."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from babel.dates import format_date, format_time
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.clock import MOROCCO
from bot.console.layout.browsers import name_browser
from bot.console.layout.navigation import group_entries
from bot.console.layout.static import version
from bot.console.security.guard import TOKEN_HEADER, form_cookie, form_token
from bot.console.security.sessions import Signed, set_cookie
from bot.console.words import (
    DEFAULT_LANGUAGE,
    LANGUAGE_NAMES,
    LOCALES,
    RIGHT_TO_LEFT,
    Language,
    is_language,
    load_words,
    translate,
)

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
#: Keeps the language that was chosen before the sign-in, for a year.
LANGUAGE_COOKIE = "console-language"
LANGUAGE_COOKIE_S = 365 * 24 * 3600


def find_language(request: Request) -> Language:
    """The account's language; before the sign-in the one that was chosen; French."""
    signed = _signed(request)
    wanted = signed.language if signed else request.cookies.get(LANGUAGE_COOKIE)
    return wanted if is_language(wanted) else DEFAULT_LANGUAGE


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page as the answer to a request.

    Templates extend ``layout.html`` (signed in) or ``plain.html`` (before). Besides `values` they have ``t(key, …)``
    for words, ``when(time)``, ``day(time)`` and ``clock(time)`` for times in Morocco, ``signed`` (or None), ``csrf``
    for forms, ``lang``, ``path``, ``navigation`` (groups of entries), and ``done``, the words of what a redirect has to
    say (``?done=<key>``).

    Args:
        request: the request, after its guard.
        template: the name below ``templates/``.
        status: the HTTP status.
        values: what the template shows.
    """
    signed = _signed(request)
    language = find_language(request)
    is_public = getattr(request.state, "is_public", signed is None)
    shown = signed if not is_public else None
    csrf = shown.csrf_token if shown else form_token(request)
    done = f"done.{request.query_params.get('done', '')}"
    body = (
        _environment()
        .get_template(template)
        .render(
            t=partial(translate, language),
            when=partial(_when, language),
            day=partial(_day, language),
            clock=partial(_clock, language),
            lang=language,
            dir="rtl" if language in RIGHT_TO_LEFT else "ltr",
            languages=LANGUAGE_NAMES,
            signed=shown,
            csrf=csrf,
            csrf_header=TOKEN_HEADER,
            path=request.url.path,
            here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            # What asks for news of its own would be sent back here, again and again.
            navigation=group_entries(shown.role) if shown and not shown.must_enrol else [],
            version=version,
            done=load_words(language).get(done, ""),
            **values,
        )
    )
    response = HTMLResponse(body, status_code=status)
    if shown is None and request.cookies.get(form_cookie(request)) != csrf:
        set_cookie(request, response, form_cookie(request), csrf)
    return response


def _signed(request: Request) -> Signed | None:
    session: Signed | None = getattr(request.state, "session", None)
    return session if session is not None and session.is_complete else None


def _when(language: Language, time: datetime) -> str:
    local, locale = time.astimezone(MOROCCO), LOCALES[language]
    return f"{format_date(local, 'medium', locale=locale)} {format_time(local, 'short', locale=locale)}"


def _day(language: Language, time: datetime) -> str:
    return write_day(language, time.astimezone(MOROCCO).date())


def write_day(language: Language, day: date) -> str:
    """A day in a sentence; French says the first of a month as an ordinal."""
    written = str(format_date(day, "long", locale=LOCALES[language]))
    return f"1er{written[1:]}" if language == "fr" and day.day == 1 else written


def _clock(language: Language, time: datetime) -> str:
    return format_time(time.astimezone(MOROCCO), "short", locale=LOCALES[language])


def _isolate(text: str) -> str:
    """Text of another direction for the middle of a sentence (Unicode's first strong isolate)."""
    return f"\u2068{text}\u2069"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["isolate"] = _isolate
    environment.filters["browser"] = name_browser
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": True}
    return environment
