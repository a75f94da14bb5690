"""Every answer in every variety, with the shipped facts and the real actions behind the computed ones."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker
from running import sqlite_url

from actions import make_executor
from actions.base import Context
from bot.answers import Answers, FactBook
from bot.content import FOLDER, load_shapes, load_words
from bot.db.base import Base
from bot.db.engine import Database, open_database
from bot.db.models import Contact
from bot.db.seed import seed
from bot.messages import RIGHT_TO_LEFT, VARIETIES, Answer, Outbound, Variety
from bot.paging import asks_for_more
from bot.payloads import list_intents, read_payload
from bot.questions import KEPT
from bot.reach import Reach
from bot.samples import list_samples, load_computed

#: WhatsApp's limit for the title of a quick reply.
TITLE_LIMIT_CHARS = 20
#: WhatsApp's limit for one message: an answer that fits needs no second one.
TEXT_LIMIT_CHARS = 1_600
ARABIC = re.compile(r"[\u0600-\u06ff]")
LATIN = re.compile(r"[A-Za-zÀ-ÿ]")
#: Names of people and things stay in Latin letters in Arabic texts: answers made of little else are judged by less.
NAMES_MOSTLY = 0.2


#: What the actions are asked, so that every computed answer comes up: action, intent and entities.
QUESTIONS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("action_find_tracks", "jobintech_tracks", {}),
    ("action_find_tracks", "jobintech_tracks", {"track": "cybersecurity"}),
    ("action_find_tracks", "jobintech_tracks", {"track": "ai"}),
    ("action_find_tracks", "jobintech_tracks", {"track": "cuisine"}),
    ("action_find_centres", "jobintech_locations", {}),
    ("action_find_centres", "jobintech_locations", {"city": "casablanca"}),
    ("action_find_centres", "jobintech_locations", {"city": "oujda"}),
    ("action_find_cohorts", "jobintech_dates", {}),
    ("action_find_cohorts", "jobintech_dates", {"city": "oujda", "track": "data"}),
    ("action_find_programmes", "incubator_search", {}),
    ("action_find_programmes", "incubator_search", {"city": "rabat", "stage": "idea", "sector": "health"}),
    ("action_find_programmes", "incubator_search", {"city": "dakhla"}),
    ("action_describe_programme", "incubator_details", {"programme": "212-founders"}),
    ("action_describe_programme", "incubator_details", {"programme": "technopark"}),
    ("action_describe_programme", "incubator_details", {}),
    ("action_find_funding", "funding_options", {}),
    ("action_find_events", "event_search", {}),
    ("action_find_events", "event_search", {"city": "marrakech", "date": "month:4", "topic": "startups"}),
    ("action_find_events", "event_search", {"city": "oujda", "date": "month:5"}),
    ("action_describe_event", "event_details", {"event": "gitex-africa"}),
    ("action_describe_event", "event_details", {"event": "find-my-dev-2023"}),
    ("action_describe_event", "event_details", {}),
    ("action_find_publications", "publications_search", {}),
    ("action_find_publications", "publications_search", {"topic": "ai"}),
    ("action_find_publications", "publications_search", {"topic": "deeptech"}),
    ("action_request_human", "request_human", {}),
    ("action_change_language", "change_language", {}),
    ("action_change_language", "change_language", {"language": "auto"}),
    ("action_subscribe", "subscribe_updates", {}),
    ("action_subscribe", "subscribe_updates", {"topic": "events"}),
    ("action_unsubscribe", "unsubscribe", {}),
    ("action_show_my_data", "delete_my_data", {}),
    ("action_request_erasure", "request_erasure", {}),
    ("action_use_information", "inform", {"city": "fes"}),
    ("action_use_information", "inform", {"age": "25"}),
)


async def _seeded(url: str) -> Database:
    db = open_database(url)
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with db.write() as session:
        await seed(session)
        session.add(Contact(id=1))
    return db


async def _computed(db: Database) -> list[Answer]:
    executor = make_executor(Context(db, "https://bot.example.ma", Reach((), {}), "x" * 16))
    answers = []
    for action, intent, entities in QUESTIONS:
        found = [{"entity": name, "value": value, "text": value} for name, value in entities.items()]
        latest = {"intent": {"name": intent}, "entities": found}
        event = {"event": "user", "parse_data": latest, "metadata": {}}
        tracker = Tracker("1.1", {}, latest, [event], False, None, {}, "action_listen")
        dispatcher = CollectingDispatcher()
        await executor.actions[action](dispatcher, tracker, {})
        said = json.loads(json.dumps(dispatcher.messages[0]["custom"]))
        choices = tuple((payload, title) for payload, title in said["choices"])
        answers.append(Answer(said["answer"], said["data"], choices))
    return answers


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Variety, list[Outbound]]]:
    """Every answer in every variety: fixed, computed by the real actions, and sent by the app."""

    async def render() -> dict[Variety, list[Outbound]]:
        db = await _seeded(sqlite_url(tmp_path_factory.mktemp("texts")))
        try:
            answers = [*await _computed(db), *(sample for samples in list_samples().values() for sample in samples)]
            renderer = Answers(FactBook(db))
            return {variety: [await renderer.render(answer, variety) for answer in answers] for variety in VARIETIES}
        finally:
            await db.aclose()

    yield asyncio.run(render())


def _list_paths(value: Any, path: str = "") -> Iterator[str]:
    """Where in the data of an answer there is what kind of value: ``events[].city: str``."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _list_paths(item, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        yield f"{path}: {'list' if value else 'empty list'}"
        for item in value:
            yield from _list_paths(item, f"{path}[]")
    else:
        yield f"{path}: {type(value).__name__}"


async def test_the_kept_answers_of_actions_have_their_shapes(tmp_path: Path) -> None:
    """What a changed text is tried with has every kind of value that the real actions give.

    If this fails, let `_computed` write bot/samples/computed.json anew.
    """
    db = await _seeded(sqlite_url(tmp_path))
    try:
        computed = await _computed(db)
    finally:
        await db.aclose()
    kept = {
        key: {path for each in samples for path in _list_paths(each.data)} for key, samples in list_samples().items()
    }
    assert {answer.key for answer in computed} == {answer.key for answer in load_computed()}
    missing = {
        (answer.key, path) for answer in computed for path in _list_paths(answer.data) if path not in kept[answer.key]
    }
    assert missing == set()


def test_every_answer_is_rendered(rendered: dict[Variety, list[Outbound]]) -> None:
    """The questions of this module bring up every key of answers.yml."""
    assert {outbound.answer_key for outbound in rendered["fr"]} == set(load_shapes())


@pytest.mark.parametrize("variety", VARIETIES)
def test_no_translation_is_missing(variety: Variety) -> None:
    """Each variety has a text for every answer, and no text that nothing uses."""
    assert set(load_words()[variety].answers) == set(load_shapes())


@pytest.mark.parametrize("variety", VARIETIES)
def test_the_words_around_are_the_same_everywhere(variety: Variety) -> None:
    """Buttons, choices, phrases and names have the same entries in each variety as in French."""

    def shape_of(words: Any) -> Any:
        return {key: shape_of(value) if isinstance(value, dict) else None for key, value in words.items()}

    mine, french = load_words()[variety], load_words()["fr"]
    assert shape_of(mine.phrases) == shape_of(french.phrases)
    assert shape_of(mine.choices) == shape_of(french.choices)
    assert set(mine.buttons) == set(french.buttons)
    same = set(french.names) - {"city", "track", "publisher"}
    assert set(mine.names) == set(french.names)
    assert {kind: set(mine.names[kind]) for kind in same} == {kind: set(french.names[kind]) for kind in same}


@pytest.mark.parametrize("variety", VARIETIES)
def test_answers_are_in_their_script(variety: Variety, rendered: dict[Variety, list[Outbound]]) -> None:
    """Arabic varieties answer in Arabic letters, the others in Latin ones; proper names aside."""
    for outbound in rendered[variety]:
        if outbound.answer_key == "language_menu":
            continue
        body = re.sub(r"https?://\S+", "", outbound.text)
        arabic, latin = len(ARABIC.findall(body)), len(LATIN.findall(body))
        if variety in RIGHT_TO_LEFT:
            assert arabic / (arabic + latin) > NAMES_MOSTLY, (outbound.answer_key, outbound.text)
        else:
            assert arabic == 0, (outbound.answer_key, outbound.text)


def test_english_has_no_french_left_over(rendered: dict[Variety, list[Outbound]]) -> None:
    """No French function word stands in an English answer; titles of classes and names stay as they are written."""
    french = re.compile(r"\b(vous|nous|votre|les formations|gratuit|pour les|n'avons|je peux|est-ce)\b", re.IGNORECASE)
    for outbound in rendered["en"]:
        assert not french.search(outbound.text), (outbound.answer_key, outbound.text)


@pytest.mark.parametrize("variety", VARIETIES)
def test_answers_fit_one_message(variety: Variety, rendered: dict[Variety, list[Outbound]]) -> None:
    """No answer is empty, leaves a template mark, has stray blank lines, or needs two WhatsApp messages."""
    for outbound in rendered[variety]:
        assert outbound.text.strip()
        assert "{{" not in outbound.text and "{%" not in outbound.text and "\n\n\n" not in outbound.text
        assert "None" not in outbound.text, outbound.text
        assert len(outbound.text) <= TEXT_LIMIT_CHARS, (outbound.answer_key, len(outbound.text))


@pytest.mark.parametrize("variety", VARIETIES)
def test_sources_have_dates(variety: Variety, rendered: dict[Variety, list[Outbound]]) -> None:
    """A fixed answer that rests on facts ends with their sources, each with its date in brackets."""
    for outbound in rendered[variety]:
        shape = load_shapes()[outbound.answer_key]
        if outbound.answer_key.startswith("utter_") and shape.facts:
            last = outbound.text.rsplit("\n\n", 1)[-1]
            assert re.search(r"\(.*\d{4}.*\)", last) or load_words()[variety].phrases["undated"] in last, outbound.text


@pytest.mark.parametrize("variety", VARIETIES)
def test_titles_fit_a_button(variety: Variety) -> None:
    """Every title that we write has at most 20 characters."""
    words = load_words()[variety]
    choices = [*words.choices["topic"].values(), *(v for v in words.choices.values() if isinstance(v, str))]
    long = [title for title in [*words.buttons.values(), *choices] if len(title) > TITLE_LIMIT_CHARS]
    assert long == []


@pytest.mark.parametrize("variety", VARIETIES)
def test_buttons_lead_somewhere(variety: Variety, rendered: dict[Variety, list[Outbound]]) -> None:
    """Each payload names an intent of the domain, and each fixed follow-up has a title of its own variety."""
    for outbound in rendered[variety]:
        for button in outbound.buttons:
            if button.payload is not None and not asks_for_more(button.payload) and button.payload not in KEPT:
                read_payload(button.payload)
    followed = {intent for shape in load_shapes().values() for intent in shape.next}
    assert followed <= set(load_words()[variety].buttons) & list_intents()


def test_cited_facts_exist(rendered: dict[Variety, list[Outbound]]) -> None:
    """Texts show values and dates of the facts that answers.yml lists for them, and of no other."""
    shapes = load_shapes()
    for variety in VARIETIES:
        for key, text in load_words()[variety].answers.items():
            used = set(re.findall(r"""(?:facts\[|as_of\()["']([a-z]+-\d+)["']""", text))
            assert used <= set(shapes[key].facts), (variety, key, used)


async def test_data_cannot_write_templates(tmp_path: Path) -> None:
    """A value that looks like a template is shown as it is."""
    db = await _seeded(sqlite_url(tmp_path))
    try:
        data = {"asked": "{{ 7 * 7 }}{% for x in [] %}", "programmes": []}
        outbound = await Answers(FactBook(db)).render(Answer("programme_unknown", data), "en")
    finally:
        await db.aclose()
    assert "{{ 7 * 7 }}" in outbound.text and "49" not in outbound.text


def test_the_domain_has_every_fixed_answer() -> None:
    """domain.yml and answers.yml name the same fixed answers, and the rules use each of them or an action."""
    root = FOLDER.parent.parent
    domain = yaml.safe_load((root / "domain.yml").read_text(encoding="utf-8"))
    fixed = {key for key in load_shapes() if key.startswith("utter_")}
    assert set(domain["responses"]) == fixed
    rules = yaml.safe_load((root / "nlu" / "rules.yml").read_text(encoding="utf-8"))["rules"]
    used = {step["action"] for rule in rules for step in rule["steps"] if "action" in step}
    forms = set(domain["forms"])
    # Actions say these two by themselves, when there is nothing of the person's own to say.
    said = {"utter_jobintech_eligibility", "utter_application_status"}
    assert used | {f"validate_{form}" for form in forms} | said == fixed | set(domain["actions"]) | forms
