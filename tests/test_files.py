"""Files by a link: a calendar entry that calendars read, and one's own data behind a secret that ends."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from icalendar import Calendar
from running import RunningApp, free_port, make_settings, sqlite_url

from bot.db.engine import open_database
from bot.db.held import EXPORT_HELD, collect, find_exported_contact, make_export_secret
from bot.db.models import City, Contact, Event, Identity, Message
from bot.files import write_calendar, write_pdf

BEGINS = datetime(2027, 2, 20, 17, 30, tzinfo=UTC)


def read_event(content: bytes) -> Any:
    (event,) = Calendar.from_ical(content).walk("VEVENT")
    return event


def test_an_event_is_read_back_as_it_is() -> None:
    """Commas and semicolons survive, times are in UTC, and demo content says so."""
    event = Event(
        slug="demo", name="Atelier, démo; test", begins_at=BEGINS, place="Technopark", is_demo=True, organiser="MNC",
        latitude=33.5, longitude=-7.6, website="https://a.ma/x", city=City(slug="casablanca", name="Casablanca"),
    )  # fmt: skip
    content = write_calendar(event)
    entry = read_event(content)
    assert str(entry["summary"]) == "[DEMO] Atelier, démo; test"
    assert (entry.decoded("dtstart"), entry.decoded("dtend")) == (BEGINS, BEGINS + timedelta(hours=2))
    assert (str(entry["location"]), str(entry["uid"])) == ("Technopark, Casablanca", "demo@assistant.mnc")
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))  # RFC 5545, 3.1


def test_an_event_without_a_date_has_no_file() -> None:
    with pytest.raises(ValueError, match="no beginning"):
        write_calendar(Event(slug="x", name="X"))


def test_the_pdf_has_every_line() -> None:
    """It opens as a PDF, also with Arabic, emoji and a line of 5,000 letters."""
    held = {"variety": "ar", "messages": [{"text": "السلام عليكم 👋"}, {"text": "x" * 5_000}], "consents": []}
    content = write_pdf(held)
    assert content.startswith(b"%PDF-") and len(re.findall(rb"/Type /Page\b", content)) >= 2


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The app without Rasa; files need none."""
    settings = make_settings(
        port=free_port(), rasa_url="http://127.0.0.1:9", database_url=sqlite_url(Path(tmp_path_factory.mktemp("files")))
    )
    with RunningApp(settings) as running:
        yield running


async def test_one_s_data_are_behind_a_secret(app: RunningApp) -> None:
    """The link gives everything of that person and nothing of another; a wrong one gives nothing."""
    db = open_database(app.settings.database_url)
    async with db.write() as session:
        people = [Contact(), Contact()]
        session.add_all(people)
        await session.flush()
        for number, contact in enumerate(people):
            identity = Identity(contact_id=contact.id, channel="telegram", address=f"address-{number}")
            session.add(identity)
            await session.flush()
            session.add(
                Message(
                    contact_id=contact.id, identity_id=identity.id, direction="in", channel="telegram",
                    state="answered", external_id=f"m{number}", text=f"text-{number}",
                )
            )  # fmt: skip
        secret = await make_export_secret(session, people[0].id)
    async with db.read() as session:
        assert await find_exported_contact(session, secret) == people[0].id
        held = await collect(session, people[0].id)
    await db.aclose()
    async with httpx.AsyncClient(base_url=app.base_url) as client:
        answer = await client.get(f"/exports/{secret}.json")
        assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
        assert answer.json()["messages"] == held["messages"]
        assert "text-0" in answer.text and "address-0" in answer.text
        assert "text-1" not in answer.text and "address-1" not in answer.text
        assert (await client.get(f"/exports/{secret}.pdf")).content.startswith(b"%PDF-")
        for wrong in (secret[:-1], "x", secret.swapcase()):
            assert (await client.get(f"/exports/{wrong}.json")).status_code == 404
    assert timedelta(hours=1) >= EXPORT_HELD


def test_an_unknown_event_is_not_found(app: RunningApp) -> None:
    for slug in ("nope", "gitex-africa"):
        assert httpx.get(f"{app.base_url}/events/{slug}.ics").status_code == 404
