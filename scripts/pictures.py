"""Take every picture of the documentation: `make pictures`, or this script with names to take only those.

It starts the app on a temporary database full of marked sample people (`python -m bot sample-data`), with a clock that
stands still, and a Rasa with the trained model for the chat. Needs Debian's chromium and fonts-noto-color-emoji.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import secrets
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import bot.clock  # noqa: E402

#: The moment of every picture: a Friday morning. What imports the clock after this line has this one.
NOW = datetime(2026, 11, 27, 10, 30, tzinfo=UTC)
bot.clock.utc_now = lambda: NOW

import httpx  # noqa: E402
import uvicorn  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright  # noqa: E402
from pydantic import SecretStr  # noqa: E402

from bot.app import make_app  # noqa: E402
from bot.console.security.sessions import begin_session  # noqa: E402
from bot.db.engine import open_database  # noqa: E402
from bot.db.models import Campaign, StaffMember  # noqa: E402
from bot.figures.keeping import recount  # noqa: E402
from bot.run import prepare_database  # noqa: E402
from bot.sample_data import fill  # noqa: E402
from bot.settings import Settings  # noqa: E402
from bot.training import RasaProcess, model_path  # noqa: E402

T = TypeVar("T")
FOLDER = ROOT / "docs" / "pictures"
DESK, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)
#: Messages of sample people; enough that every list has a next page.
MESSAGES = 20_000
#: Colours that a picture keeps: text stays sharp, and the file small.
COLOURS = 256


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of a page of the console, as docs/pictures/console-<name>.png.

    Attributes:
        path: below ``/console``.
        follow: the link on that page that leads to the page of the picture.
        language: of the member of staff.
        is_phone: on a screen of 390 pixels.
        is_dark: in dark colours.
    """

    path: str
    follow: str = ""
    language: str = "fr"
    is_phone: bool = False
    is_dark: bool = False


#: A new page of the console is one line here.
CONSOLE = {
    "home": Shot("/"),
    "conversations": Shot("/conversations"),
    "thread": Shot("/conversations?channel=web&intent=request_human", follow="a.cv-open"),
    "thread-phone": Shot("/conversations?channel=web&intent=request_human", follow="a.cv-open", is_phone=True),
    "applications": Shot("/applications"),
    "application": Shot("/applications", follow=".who-cell a"),
    "requests": Shot("/requests"),
    "events": Shot("/content/rows/events"),
    "answers": Shot("/content/answers"),
    "answer": Shot("/content/answers/utter_jobintech_cost/fr"),
    "answer-arabic": Shot("/content/answers/utter_jobintech_cost/ar", language="ar"),
    "conversations-dark": Shot("/conversations?fallback=1", is_dark=True),
    "staff": Shot("/staff"),
    "figures": Shot("/figures?period=last-month"),
    "figures-arabic": Shot("/figures?period=last-month#part-activity", language="ar", is_phone=True),
    "training": Shot("/training", follow=".tr-rows a:has([lang=fr])"),
    "campaign": Shot("/campaigns", follow=".rows a"),
    "reports": Shot("/reports"),
}
#: The month before that of the figures; they are counted from here to the end of theirs.
FIRST_COUNTED = date(2026, 9, 1)
#: What the campaign of the pictures says; nobody gets it.
CAMPAIGN_TEXTS = {
    "fr": "Bonjour {{ first_name }}, votre dossier {{ reference }} est complet. La suite vous arrivera ici.",
    "ar": "مرحبا {{ first_name }}، ملفك {{ reference }} كامل. ستصلك بقية الأخبار هنا.",
}
#: By the name of the picture, what each phone's owner writes; the phones stand side by side.
CHAT = {
    "chat": (("c'est gratuit ?", "ça dure combien de mois ?"), ("هل التكوين مجاني؟", "أين توجد مراكز التكوين؟")),
    "journeys": (
        ("j'ai un bac+3, je suis au chômage à Rabat, je peux postuler ?",),
        ("بغيت نتسجل ف JobInTech", "موافق", "موافق", "سلمى الإدريسي", "واش فابور؟"),
        ("how does MNC help startups?", "Find my programme", "idea", "mentoring", "Rabat", "any sector"),
    ),
}


def main() -> int:
    """Take the pictures that are named, or all; 1 when some can't be taken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join([*CONSOLE, *CHAT])}")
    wanted = names = parser.parse_args().names or [*CONSOLE, *CHAT]
    if unknown := sorted(set(names) - {*CONSOLE, *CHAT}):
        parser.error(f"no such picture: {', '.join(unknown)}")
    if any(name in CHAT for name in names) and not model_path().exists():
        print("The chat needs the trained model: `python -m bot train` first. Only the console is pictured.")
        names = [name for name in names if name in CONSOLE]
    began = time.monotonic()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = Settings(  # type: ignore[call-arg]  # the rest has its defaults
            _env_file=None,
            port=_free_port(),
            rasa_url=f"http://127.0.0.1:{_free_port()}",
            database_url=f"sqlite+aiosqlite:///{folder}/pictures.db",
            rasa_secret=SecretStr(secrets.token_urlsafe(32)),
        )
        tokens = _in_thread(lambda: asyncio.run(_prepare(settings.database_url)))
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        with _serve(settings, with_rasa=any(name in CHAT for name in names)) as address:
            for name in names:
                if name in CONSOLE:
                    _take_console(browser, address, tokens, name, CONSOLE[name])
                else:
                    _take_chat(browser, address, name)
                size = (FOLDER / _file_name(name)).stat().st_size
                print(f"docs/pictures/{_file_name(name):<34} {size / 1024:6.0f} KiB", flush=True)
        browser.close()
    print(f"{len(names)} pictures in {time.monotonic() - began:.0f} s")
    return 0 if names == wanted else 1


def _file_name(name: str) -> str:
    return f"console-{name}.png" if name in CONSOLE else f"{name}.png"


async def _prepare(database_url: str) -> dict[str, str]:
    """Sample people, and somebody who looks, in each language: the token of a session by language."""
    await fill(database_url, MESSAGES, seed=3, until=NOW.date())
    await prepare_database(Settings(_env_file=None, database_url=database_url, rasa_secret=SecretStr("x" * 32)))  # type: ignore[call-arg]
    db = open_database(database_url)
    tokens = {}
    try:
        for language, name in (("fr", "Compte exemple"), ("ar", "حساب للتجربة"), ("en", "Example account")):
            async with db.write() as session:
                email = f"exemple-{language}@example.com"
                member = StaffMember(name=name, email=email, role="administrator", language=language, totp_secret="A")
                session.add(member)
                await session.flush()
                tokens[language] = await begin_session(session, member, "Mozilla/5.0 Firefox/140.0", is_complete=True)
                if language == "fr":
                    session.add(_make_campaign(member.id))
        # The days of the figures that are pictured: the schedule takes a minute to count them.
        await recount(db, (FIRST_COUNTED + timedelta(days=number) for number in range(61)))
    finally:
        await db.aclose()
    return tokens


def _make_campaign(member_id: int) -> Campaign:
    """A draft of an example."""
    instead = {"ary-Latn": "fr", "ary-Arab": "ar", "en": "fr"}
    writer = {"created_by_id": member_id, "changed_by_id": member_id}
    title = "Dossiers complets (exemple)"
    return Campaign(title=title, purpose="application", texts=CAMPAIGN_TEXTS, fallbacks=instead, **writer)


@contextmanager
def _serve(settings: Settings, *, with_rasa: bool) -> Iterator[str]:
    """The app, and Rasa where the chat is asked for; gives the app's address once it answers."""
    server = uvicorn.Server(
        uvicorn.Config(make_app(settings, channels={}), port=settings.port, log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    rasa = RasaProcess(settings, model_path()) if with_rasa else None
    address = f"http://127.0.0.1:{settings.port}"
    try:
        _wait_for(f"{address}/readyz" if with_rasa else f"{address}/healthz", rasa)
        yield address
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        if rasa is not None:
            _in_thread(lambda: asyncio.run(rasa.aclose()))


def _wait_for(address: str, rasa: RasaProcess | None) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if rasa is not None and rasa.exit_status() is not None:
            raise SystemExit(f"Rasa did not start; its output is in {rasa.log}")
        try:
            if httpx.get(address, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass  # not there yet
        time.sleep(0.25)
    raise SystemExit(f"{address} did not answer within 120 s")


def _take_console(browser: Browser, address: str, tokens: dict[str, str], name: str, shot: Shot) -> None:
    context = browser.new_context(
        base_url=address,
        viewport=PHONE if shot.is_phone else DESK,
        color_scheme="dark" if shot.is_dark else "light",
        reduced_motion="reduce",
        locale="fr-FR",
    )
    context.add_cookies([{"name": "console", "value": tokens[shot.language], "url": f"{address}/console/"}])
    page = _open(context)
    page.goto(f"/console{shot.path}")
    if shot.follow:
        # From its beginning, not at the place to which a search leads.
        page.goto((page.locator(shot.follow).first.get_attribute("href") or "").partition("?")[0])
    page.wait_for_timeout(500)  # the count of requests beside the navigation comes after the page
    _write(page.screenshot(animations="disabled", caret="hide"), FOLDER / _file_name(name))
    context.close()


def _take_chat(browser: Browser, address: str, name: str) -> None:
    shots = []
    for messages in CHAT[name]:
        context = browser.new_context(viewport=PHONE, device_scale_factor=1.5, reduced_motion="reduce", locale="fr-FR")
        page = _open(context)
        page.goto(address)
        page.locator(".choices").first.wait_for()
        for message in messages:
            answers = page.locator("[role=log] > *").count()
            page.locator("textarea").fill(message)
            page.locator("textarea").press("Enter")
            page.wait_for_function("n => document.querySelectorAll('[role=log] > *').length > n + 1", arg=answers)
        page.wait_for_timeout(900)
        shots.append(base64.b64encode(page.screenshot(animations="disabled", caret="hide")).decode())
        context.close()
    sheet = browser.new_page(viewport={"width": 32 + 414 * len(shots), "height": 900})
    images = "".join(f'<img src="data:image/png;base64,{shot}" width=390>' for shot in shots)
    style = "margin:0;padding:28px;display:flex;gap:24px;background:#e9edf4"
    sheet.set_content(f'<body style="{style}">{images}</body>')
    sheet.add_style_tag(content="img{border-radius:22px;box-shadow:0 6px 24px #0003}")
    _write(sheet.screenshot(), FOLDER / _file_name(name))
    sheet.close()


def _open(context: BrowserContext) -> Page:
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.clock.set_fixed_time(NOW)
    return page


def _write(png: bytes, target: Path) -> None:
    """With few colours, and nothing of when it was made."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(target, optimize=True)


def _in_thread(work: Callable[[], T]) -> T:
    """Run something with an event loop of its own beside Playwright's."""
    done: list[T] = []
    thread = threading.Thread(target=lambda: done.append(work()))
    thread.start()
    thread.join()
    if not done:
        raise SystemExit(1)  # the thread printed why
    return done[0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main())
