"""Files by a link: a calendar entry that calendars read, and one's own data behind a secret that ends."""

from __future__ import annotations

import asyncio
import random
import re
import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

import httpx
import pytest
from fpdf import FPDF
from icalendar import Calendar
from running import RunningApp, free_port, make_settings, sqlite_url
from sqlalchemy.ext.asyncio import AsyncSession

from bot.answers import Answers, FactBook
from bot.content import load_words
from bot.db.base import Base
from bot.db.engine import open_database
from bot.db.held import _TABLES, EXPORT_HELD, collect, find_exported_contact, make_export_secret
from bot.db.models import (
    AccessCode,
    Application,
    ApplicationChange,
    City,
    Consent,
    Contact,
    ContactTag,
    DocumentTick,
    Draft,
    Event,
    Identity,
    Interaction,
    Message,
    Note,
    Notice,
    Rating,
    Registration,
    Session,
    StaffRequest,
    Subscription,
    Tag,
)
from bot.db.seed import seed
from bot.export import _COLUMNS, Document, describe
from bot.export_pdf import write_pdf
from bot.files import write_calendar
from bot.messages import RIGHT_TO_LEFT, VARIETIES, Answer, Variety
from bot.pdf.letters import Letters, Line, is_rtl_text, order_runs

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


SAID = (
    ("in", "Salam, wach formation fabor? 🙂", None),
    ("out", "Oui, c'est gratuit. ✅\n\nSource : Le360 (15 octobre 2025)", "utter_jobintech_cost"),
    ("in", "بغيت نتسجل ف Full-stack ف الدار البيضاء، عندي bac+2 و 29 عام", None),
    ("out", "واخا. رقم التيليفون ديالك هو +212 612-345678؟ (JobInTech، 2026)", "ask_phone"),
    ("in", "👍", None),
    ("out", "Bonjour, ici Salma. كيف نقدر نعاونك؟ Le dossier JIT-7F3K9Q est complet à 100 %.", None),
)  # fmt: skip


async def fill(session: AsyncSession) -> int:
    """A person with something in every table; the contact's id."""
    at = datetime(2026, 11, 28, 9, 15, tzinfo=UTC)
    contact = Contact(variety="fr", created_at=at, unsubscribed_at=at + timedelta(days=2))
    session.add(contact)
    await session.flush()
    own = {"contact_id": contact.id}
    telegram = Identity(
        **own, channel="telegram", address="812345678", created_at=at, last_inbound_at=at,
        profile={"name": "Yassine", "username": "yassine_b", "language_code": "fr"},
    )  # fmt: skip
    whatsapp = Identity(**own, channel="whatsapp", address="whatsapp:+212612345678", created_at=at)
    web = Identity(**own, channel="web", address="b2f0c1", created_at=at)
    application = Application(
        **own, reference="JIT-7F3K9Q", state="checking", full_name="Yassine Benali", phone="+212612345678",
        email="yassine.benali@example.ma", city_slug="oujda", diploma="bac+2", situation="jobseeker",
        track_slug="full-stack", created_at=at, updated_at=at,
    )  # fmt: skip
    session.add_all((telegram, whatsapp, web, application))
    await session.flush()
    for state in ("received", "checking"):
        session.add(ApplicationChange(application_id=application.id, state=state, changed_by="Salma", changed_at=at))
    given = {"diploma": "bac+2", "situation": "jobseeker", "city": "oujda", "age": "29", "consent_application": "yes"}
    asked = {
        "organisation": "Atlas SARL",
        "need": "money",
        "stage": "idea",
        "sector": "health",
        "phone": "+212612345678",
    }
    notice = Answer("checklist_reminder", {}, (("/show_checklist", None),))
    session.add_all(
        (
            Consent(**own, purpose="application", is_given=True, wording="Acceptez-vous ?", channel="web", given_at=at),
            Consent(**own, purpose="contact", is_given=False, wording="Acceptez-vous aussi ?", channel="telegram"),
            DocumentTick(**own, document_slug="transcripts", ticked_at=at),
            Registration(
                **own, reference="EVT-2QW8ZX", event_slug="gitex-africa", state="offered", offered_until=at,
                created_at=at, updated_at=at,
            ),
            Registration(**own, reference="EVT-9QW8ZX", event_slug="digital-now", state="cancelled"),
            StaffRequest(**own, kind="human", opened_at=at),
            StaffRequest(**own, reference="REQ-1", kind="support", details=asked, opened_at=at, closed_at=at),
            Subscription(**own, topic="cohorts", wishes=[{"city": "rabat"}, {"track": "data"}], created_at=at),
            Subscription(**own, topic="events", created_at=at, ended_at=at),
            Draft(**own, journey="eligibility", state="paused", answers=given, started_at=at, updated_at=at),
            Draft(**own, journey="programme", state="done", answers={"city": "any", "review": "yes"}),
            Rating(**own, answer_key="eligibility_verdict", value="up", comment="merci", asked_at=at, rated_at=at),
            Rating(**own, answer_key="place_taken", asked_at=at),
            Notice(**own, answer=notice.as_json(), due_at=at, state="waiting"),
            Notice(**own, answer={"answer": "gone"}, due_at=at, state="dropped", outcome="called off"),
            Interaction(**own, action="action_find_tracks", outcome="tracks_list", duration_ms=3.0),
            Session(**own, number=1),
            Note(**own, author="Salma", text="à rappeler lundi"),
            Tag(id=1, name="bourse"),
            AccessCode(**own, purpose="link", secret_hash="0" * 64, expires_at=at),
        )
    )  # fmt: skip
    await session.flush()
    session.add(ContactTag(**own, tag_id=1))

    def add(direction: str, at: datetime, **values: Any) -> None:
        state = values.pop("state", "answered" if direction == "in" else "read")
        session.add(
            Message(
                **own, identity_id=telegram.id, direction=direction, channel="telegram", state=state, created_at=at,
                **values,
            )
        )  # fmt: skip

    for number, (direction, text, key) in enumerate(SAID):
        add(direction, at + timedelta(hours=number * 5), text=text, answer_key=key, intent="jobintech_cost")
    later = at + timedelta(days=3)
    add(
        "out", later, text="?", answer_key="ask_consent_contact", buttons=[{"title": "J'accepte", "payload": "/affirm"}]
    )
    for payload in ("/affirm", '/inform{"city": "oujda"}', "/rate_up", "/deny", "/jobintech_cost"):
        add("in", later, payload=payload)
    add("in", later, attachments=[{"kind": "contact", "phone": "212612345678", "name": "Yassine"}])
    add("in", later, attachments=[{"kind": "location", "latitude": 34.02, "longitude": -6.84}])
    add("in", later, text="voilà", attachments=[{"kind": "document", "file_name": "cv.pdf", "file_id": "AgAD"}])
    add("out", later, text="...", answer_key="utter_thank", state="undeliverable")
    return contact.id


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], Answers]]:
    """What is held about somebody with something in every table, and the names for it."""

    async def collect_all() -> tuple[dict[str, Any], Answers]:
        db = open_database(sqlite_url(tmp_path_factory.mktemp("held")))
        async with db.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with db.write() as session:
            await seed(session)
            contact_id = await fill(session)
        async with db.read() as session:
            held = await collect(session, contact_id)
        book = FactBook(db)
        await book.refresh()
        # Nothing is read again: the database is closed, and the names stay.
        book._read_at = book._version_read_at = float("inf")
        await db.aclose()
        return held, Answers(book)

    yield asyncio.run(collect_all())


def list_texts(document: Document) -> list[str]:
    """Every word of a document but those of the conversation."""
    entries = [document.about, *(entry for section in document.sections for entry in section.entries)]
    return [
        document.title, document.rights, document.details, document.page,
        *(section.heading for section in document.sections),
        *(part for entry in entries for line in entry.lines for part in line),
        *(document.nothing or ()),
    ]  # fmt: skip


@pytest.mark.parametrize("variety", VARIETIES)
async def test_everything_has_its_label(variety: Variety, person: tuple[dict[str, Any], Answers]) -> None:
    """Every section is there with its count, and its entries with labels and names of the variety."""
    held, answers = person
    document = await describe({**held, "chosen_variety": variety}, answers)
    words = load_words()[variety]
    export = words.phrases["export"]
    assert {section.heading for section in document.sections} == set(export["sections"].values())
    counts = {section.heading: section.count for section in document.sections}
    assert all(counts[heading] == len(held[name]) for name, heading in export["sections"].items())
    assert document.nothing is None
    lines = [line for section in document.sections for entry in section.entries for line in entry.lines]
    labels = {label for label, _ in [*document.about.lines, *lines]}
    assert labels <= {*export["fields"].values(), *words.names["field"].values()}
    values = {value for _, value in lines}
    assert {export["names"]["yes_no"]["yes"], export["names"]["yes_no"]["no"], export["open"]} <= values
    assert {words.names["diploma"]["bac+2"], words.names["situation"]["jobseeker"]} <= values
    assert {words.names["application_state"]["checking"], words.names["place_state"]["offered"]} <= values
    assert {words.names["offer"]["money"], words.names["stage"]["idea"], words.names["sector"]["health"]} <= values
    assert {"Yassine Benali", "yassine.benali@example.ma", "GITEX Africa Morocco", "Atlas SARL"} <= values
    assert answers.name("track", "full-stack", variety) in values
    assert all(value.strip() for value in values)


@pytest.mark.parametrize("variety", VARIETIES)
async def test_no_code_is_shown(variety: Variety, person: tuple[dict[str, Any], Answers]) -> None:
    """No name of a column, no code and no time of machines stands in a document; nor English in another variety."""
    held, answers = person
    document = await describe({**held, "chosen_variety": variety}, answers)
    texts = list_texts(document)
    # What the person and the team wrote themselves stays as it was.
    own = {"Acceptez-vous ?", "Acceptez-vous aussi ?", "merci", "yassine_b", "yassine.benali@example.ma", "b2f0c1"}
    written = "\n".join(text for text in texts if text not in own)
    assert not re.search(r"\d{4}-\d{2}-\d{2}|T\d{2}:|[{}]|\bTrue\b|\bFalse\b|\bNone\b|[a-z]_[a-z]|\+212612", written)
    if variety != "en":
        codes = "paused|asking|waiting|dropped|offered|checking|jobseeker|money|health|preregistration|programme_"
        english = "the|state|created|updated|given|kind|answers|wording|purpose|address|your|human|cohorts"
        assert not re.search(rf"\b({codes}|{english})\b", written), written
    if variety in RIGHT_TO_LEFT:
        for label in (line[0] for section in document.sections for entry in section.entries for line in entry.lines):
            assert not re.search(r"[A-Za-z]", label)


async def test_messages_are_a_conversation(person: tuple[dict[str, Any], Answers]) -> None:
    """Messages stand under their day, with who said them; what was pressed is named as it was on the button."""
    held, answers = person
    document = await describe({**held, "chosen_variety": "fr"}, answers)
    (conversation,) = (section for section in document.sections if section.days)
    assert conversation is document.sections[-1]
    days = [day.name for day in conversation.days]
    assert days == ["28 novembre 2026", "29 novembre 2026", "1 décembre 2026"]
    said = [each for day in conversation.days for each in day.said]
    assert [(each.speaker, each.at) for each in said[:6]] == [
        ("Vous", "10:15"), ("Assistant", "15:15"), ("Vous", "20:15"),
        ("Assistant", "01:15"), ("Vous", "06:15"), ("Équipe", "11:15"),
    ]  # fmt: skip
    assert [each.text for each in said[7:12]] == ["J'accepte", "Oujda", "cela m'a aidé", "(bouton)", "C'est gratuit ?"]
    assert [each.text.replace("\u200e", "") for each in said[12:15]] == [
        "[contact · +212 6 12 34 56 78 · Yassine]", "[position · 34.02, -6.84]", "voilà\n[document · cv.pdf]",
    ]  # fmt: skip
    assert [each.note for each in said[-2:]] == ["", "n'est pas arrivé"]


async def test_what_is_not_held_is_named_once(person: tuple[dict[str, Any], Answers]) -> None:
    """Empty sections are left out and listed in one line; somebody of whom nothing is known gets a document too."""
    held, answers = person
    document = await describe({**held, "chosen_variety": "fr", "ratings": [], "messages": []}, answers)
    assert document.nothing == ("Rien n'est gardé sur", "vos avis, vos échanges avec l'assistant")
    assert len(document.sections) == len(load_words()["fr"].phrases["export"]["sections"]) - 2
    bare = await describe({"variety": "xx"}, answers)
    assert (bare.variety, bare.sections) == ("fr", ())
    assert write_pdf(bare).startswith(b"%PDF-")


async def test_unknown_codes_are_shown_as_they_are(person: tuple[dict[str, Any], Answers]) -> None:
    """What nobody named yet, or is no such value, is the person's all the same, and does not stop the file."""
    held, answers = person
    odd = {
        "applications": [{**held["applications"][0], "diploma": "bac+9", "phone": "12", "city_slug": "atlantis"}],
        "identities": [{"channel": "signal", "address": "x", "profile": {"language_code": "??", "bio": "z"}}],
        "requests": [{"kind": "new", "details": {"city": ["rabat"], "budget": "12 DH"}}],
        "subscriptions": [{"topic": "news", "wishes": [{"planet": "mars"}]}],
    }
    document = await describe({"variety": "ar", **odd}, answers)
    values = {line[1] for section in document.sections for entry in section.entries for line in entry.lines}
    assert {"bac+9", "12", "atlantis", "signal", "??", "z", "12 DH", "news"} <= values


@pytest.mark.parametrize("variety", VARIETIES)
async def test_the_pdf_is_made(variety: Variety, person: tuple[dict[str, Any], Answers]) -> None:
    held, answers = person
    content = write_pdf(await describe({**held, "chosen_variety": variety}, answers))
    assert content.startswith(b"%PDF-") and len(re.findall(rb"/Type /Page\b", content)) >= 4


HOSTILE = (
    "x" * 10_000,
    "ع" * 10_000,
    "🙂👍🏽" * 500,
    "👩‍👩‍👧‍👦🇲🇦❤️",
    "\u202eroloc\u202c \u2066a\u2069 \u2067ب\u2068 \u200f\u200e\u061c",
    "\ud800 \udfff lone",
    "a\u0301\u0302" * 300 + "ـ" * 300 + "لا" + "\u064e" * 200,
    "中文 ⵜⴰⵎⴰⵣⵉⵖⵜ हिन्दी 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "\x07\x1b[31m\x7f\x85\u2028\u2029\ufeff\ufffe\U0010ffff",
    "{nb} {{ 7 * 7 }} %s <b> \\n (((((( ))))",
    "\n" * 500,
    " " * 500,
    "",
    "نص text نص 12,5 % (نص) [text] «نص» 2026-12-05 +212 612-345678",
)  # fmt: skip


def list_hostile() -> list[str]:
    """Texts that nobody writes by mistake, and nonsense of every kind of character, always the same."""
    chance = random.Random(7)
    pools = (
        string.printable,
        "ابتثجحخدذرزسشصضطظعغفقكلمنهوي ،؟",
        "\u200e\u200f\u202a\u202e\u2066\u2069",
        "0123456789+-%.,:/()",
    )
    nonsense = ["".join(chance.choice(chance.choice(pools)) for _ in range(chance.randrange(400))) for _ in range(60)]
    anything = ["".join(chr(chance.randrange(1, 0x110000)) for _ in range(200)) for _ in range(20)]
    return [*HOSTILE, *nonsense, *anything]


@pytest.mark.parametrize("variety", ("fr", "ar"))
async def test_hostile_texts_are_drawn(variety: Variety, person: tuple[dict[str, Any], Answers]) -> None:
    """Whatever somebody wrote, or called themselves, makes a file, whose lines end where the page does."""
    held, answers = person
    texts = list_hostile()
    messages = [{**held["messages"][0], "text": text} for text in texts]
    identities = [{**held["identities"][0], "profile": {"name": text}} for text in texts]
    document = await describe(
        {**held, "chosen_variety": variety, "messages": messages, "identities": identities}, answers
    )
    assert write_pdf(document).startswith(b"%PDF-")


@pytest.fixture(scope="module")
def letters() -> Iterator[Letters]:
    """The font; writing the file is what closes it."""
    pdf = FPDF()
    yield Letters(pdf)
    pdf.output()


def test_lines_are_broken_and_ordered(letters: Letters) -> None:
    """A line fits its room, loses nothing, and shows each direction as Unicode orders it."""
    for text in ("x" * 500, "ع" * 500, "salam كيف الحال 100% " * 20, "un mot et un autre " * 20):
        lines = letters.break_lines(letters.clean(text), 10, 60)
        assert all(letters.measure(line.text, 10) <= 60.01 for line in lines)
        assert "".join(line.text for line in lines).replace(" ", "") == text.replace(" ", "")
    assert [text for text, _ in order_runs(Line("السعر 500 DH", is_rtl=True))] == ["DH", " ", "500", "السعر "]
    assert [text for text, _ in order_runs(Line("Prix السعر 500 DH", is_rtl=False))] == [
        "Prix ",
        "500",
        "السعر ",
        " DH",
    ]
    assert list(order_runs(Line("السلام عليكم", is_rtl=True))) == [("السلام عليكم", True)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Avec plaisir 🙂", "Avec plaisir"),
        ("✅ C'est fait", "✔ C'est fait"),
        ("👍🏽", ""),
        ("a\r\nb\tc", "a\nb c"),
        ("\u202egro\u202c\u2066", "gro"),
        ("\u200e+212 6", "\u200e+212 6"),
        ("中文 ok", "[…] ok"),
        ("\x00\x07x", "x"),
        ("12\u202f000\u3000DH", "12\u202f000 DH"),
        ("e\u0301", "é"),
        ("ⵜⴰⵎⴰⵣⵉⵖⵜ", "ⵜⴰⵎⴰⵣⵉⵖⵜ"),
        ("محمد ﷺ", "محمد صلى الله عليه وسلم"),
    ],
)
def test_only_what_the_font_has_is_drawn(text: str, shown: str, letters: Letters) -> None:
    assert letters.clean(text) == shown


@pytest.mark.parametrize(
    ("text", "is_rtl"),
    [
        ("JobInTech برنامج وطني للتكوين", True),
        ("أدوات المقاولات (SAP، Salesforce، ServiceNow)", True),
        ("الرابط: https://example.ma/a/b/c", True),
        ("Bonjour, ici Salma. كيف نقدر نعاونك؟ Le dossier est complet.", False),
        ("+212 6 12 34 56 78", False),
        ("", False),
    ],
)
def test_a_text_has_its_direction(text: str, is_rtl: bool) -> None:
    assert is_rtl_text(text) is is_rtl


async def test_much_is_drawn_in_time(person: tuple[dict[str, Any], Answers]) -> None:
    """Two thousand messages, every other one in Arabic, take seconds: the limit is loose, since machines differ."""
    held, answers = person
    texts = (
        "التكوين Full-stack ف الدار البيضاء كيدوم من 3 إلى 6 أشهر، وهو فابور (15 أكتوبر 2025)",
        "Bonjour, est-ce que la formation Full-stack est gratuite à Casablanca ?",
    )
    messages = [{**held["messages"][0], "text": f"{texts[number % 2]} {number}"} for number in range(2_000)]
    document = await describe({**held, "chosen_variety": "ar", "messages": messages}, answers)
    began = process_time()
    content = write_pdf(document)
    assert process_time() - began < 20
    assert len(content) < 5_000_000


def test_nothing_held_is_left_out() -> None:
    """Every column that the file shows is collected, and every table that is collected is shown or said to be not."""
    collected = {name: set(columns) for name, _, columns in _TABLES}
    assert set(collected) - set(_COLUMNS) == {"messages", "campaigns", "lookups", "replays", "sessions", "codes"}
    made = {"documents_ready": {"title"}, "registrations": {"event"}, "notices": {"text"}}
    for name, columns in _COLUMNS.items():
        if name not in ("application_history", "tags"):
            assert {column for column, _, _ in columns} <= collected[name] | made.get(name, set())


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
