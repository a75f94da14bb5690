"""Custom actions on both databases, with the content that the product ships with: what each finds, and what it logs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from postgres import PostgresServer
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher
from running import sqlite_url
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from actions import make_executor
from actions.base import LEAVE_FORM, Context, Request
from actions.founders import DescribeProgramme
from actions.learners import FindTracks
from bot.clock import MOROCCO
from bot.db.engine import Database, open_database
from bot.db.migrate import migrate
from bot.db.models import City, Contact, Erasure, Identity, Interaction, Message, StaffRequest, Subscription
from bot.db.seed import seed
from bot.reach import Reach
from bot.settings import ROOT

BASE_URL = "https://bot.example.ma"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def content_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated and seeded database of each kind, shared by this module: every test has its own contact in it."""
    if request.param == "sqlite":
        url = sqlite_url(Path(tmp_path_factory.mktemp("actions")))
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create_database()
    migrate(url)

    async def fill() -> None:
        db = open_database(url)
        async with db.write() as session:
            await seed(session)
        await db.aclose()

    asyncio.run(fill())
    return url


@pytest.fixture
async def content(content_url: str) -> AsyncIterator[Database]:
    """That database, opened."""
    db = open_database(content_url)
    yield db
    await db.aclose()


@pytest.fixture
async def contact_id(content: Database) -> int:
    """A new person."""
    async with content.write() as session:
        contact = Contact()
        session.add(contact)
        await session.flush()
        return contact.id


def user_event(intent: str, entities: dict[str, str]) -> dict[str, Any]:
    found = [{"entity": kind, "value": value, "text": f"«{value}»"} for kind, value in entities.items()]
    return {"event": "user", "parse_data": {"intent": {"name": intent}, "entities": found}, "metadata": {}}


async def run_action(
    db: Database,
    name: str,
    contact_id: int | str = "nobody",
    *,
    intent: str = "inform",
    earlier: tuple[str, ...] = (),
    **entities: str,
) -> dict[str, Any]:
    """What an action hands to the app, run as Rasa runs it: by name, with a tracker."""
    events = [*(user_event(each, {}) for each in earlier), user_event(intent, entities)]
    tracker = Tracker(f"{contact_id}.1", {}, events[-1]["parse_data"], events, False, None, {}, "action_listen")
    dispatcher = CollectingDispatcher()
    executor = make_executor(Context(db, BASE_URL, Reach(("telegram",), {}), "x" * 16))
    events = await executor.actions[name](dispatcher, tracker, {})
    assert events in ([], list(LEAVE_FORM))
    (message,) = dispatcher.messages
    return dict(message["custom"])


def read_rules() -> dict[str, str]:
    """The action of each intent that has one, by the rules that Rasa is trained with."""
    rules = yaml.safe_load((ROOT / "nlu" / "rules.yml").read_text(encoding="utf-8"))["rules"]
    asked = [rule["steps"] for rule in rules if "intent" in rule["steps"][0]]
    pairs = ((steps[0]["intent"], steps[1]["action"]) for steps in asked)
    return {intent: action for intent, action in pairs if action.startswith("action_")}


ACTION_OF = read_rules()


class Person:
    """Somebody whose messages reach the actions as Rasa posts them: with all events of the session."""

    def __init__(self, db: Database, contact_id: int, message_id: int) -> None:
        self.db, self.contact_id, self.message_id = db, contact_id, message_id
        self._executor = make_executor(Context(db, BASE_URL, Reach(("telegram",), {}), "x" * 16))
        self._events: list[dict[str, Any]] = []

    def say(self, intent: str, **entities: str) -> None:
        """Something that is answered without an action."""
        self._events.append(user_event(intent, entities) | {"metadata": {"message_id": self.message_id}})

    async def ask(self, intent: str, **entities: str) -> dict[str, Any]:
        """The answer of the action that the rules name for the intent, as it comes out of JSON."""
        self.say(intent, **entities)
        latest, sender = self._events[-1]["parse_data"], f"{self.contact_id}.3"
        tracker = {"sender_id": sender, "latest_message": latest, "events": self._events}
        result = await self._executor.run({"next_action": ACTION_OF[intent], "tracker": tracker, "domain": {}})
        assert result is not None
        (response,) = result.model_dump()["responses"]
        return dict(json.loads(json.dumps(response["custom"])))

    async def logged(self) -> list[Interaction]:
        """Their rows of the interaction log."""
        async with self.db.read() as session:
            query = select(Interaction).where(Interaction.contact_id == self.contact_id).order_by(Interaction.id)
            return list(await session.scalars(query))


async def meet(db: Database) -> Person:
    """Somebody new, with one stored message."""
    async with db.write() as session:
        contact = Contact()
        identity = Identity(contact=contact, channel="web", address=uuid4().hex)
        session.add(identity)
        await session.flush()
        state = {"direction": "in", "channel": "web", "state": "received"}
        message = Message(contact_id=contact.id, identity_id=identity.id, **state)
        session.add(message)
    return Person(db, contact.id, message.id)


async def last_interaction(db: Database, contact_id: int) -> Interaction:
    async with db.read() as session:
        query = select(Interaction).where(Interaction.contact_id == contact_id).order_by(Interaction.id.desc()).limit(1)
        return (await session.scalars(query)).one()


def names(found: dict[str, Any], part: str) -> list[str]:
    return [item["slug"] for item in found["data"][part]]


class TestLearners:
    async def test_lists_the_tracks_and_describes_one(self, content: Database, contact_id: int) -> None:
        """Without a name all fields of training; with one its classes; an unknown one gets no guess."""
        listed = await run_action(content, "action_find_tracks", contact_id, intent="jobintech_tracks")
        assert listed["answer"] == "tracks_list"
        assert names(listed, "tracks")[:2] == ["full-stack", "cybersecurity"]
        assert listed["choices"][0][0] == '/jobintech_tracks{"track": "full-stack"}'
        one = await run_action(content, "action_find_tracks", contact_id, track="cybersecurity")
        assert one["answer"] == "track_details"
        assert one["data"]["track"]["slug"] == "cybersecurity"
        assert 0 < len(one["data"]["cohorts"]) <= 4
        row = await last_interaction(content, contact_id)
        assert (row.rows_found, row.lookup) == (6, {"track": "cybersecurity"})
        unknown = await run_action(content, "action_find_tracks", contact_id, track="cuisine")
        assert (unknown["answer"], unknown["data"]["asked"]) == ("track_unknown", "«cuisine»")

    async def test_finds_centres(self, content: Database, contact_id: int) -> None:
        """Every city with trainings, those of one city, and an honest no for another."""
        everywhere = await run_action(content, "action_find_centres", contact_id)
        cities = [item["city"] for item in everywhere["data"]["cities"]]
        assert everywhere["answer"] == "centres_list"
        assert set(cities) == {"rabat", "casablanca", "fquih-ben-salah"}
        assert everywhere["data"]["total"] == len(cities)
        rabat = await run_action(content, "action_find_centres", contact_id, city="rabat")
        assert rabat["answer"] == "centres_city"
        assert {cohort["city"] for cohort in rabat["data"]["cohorts"]} == {"rabat"}
        for elsewhere in ("oujda", "atlantis"):
            none = await run_action(content, "action_find_centres", contact_id, city=elsewhere)
            assert (none["answer"], none["data"]["cities"]) == ("centres_none", cities)

    async def test_finds_no_invented_session(self, content: Database, contact_id: int) -> None:
        """No future class is announced in the shipped content, so the latest known ones are shown as such."""
        found = await run_action(content, "action_find_cohorts", contact_id)
        assert found["answer"] == "cohorts_none"
        assert len(found["data"]["latest"]) == 3
        assert found["data"]["fact_slugs"]
        nowhere = await run_action(content, "action_find_cohorts", contact_id, city="oujda", track="ai")
        assert (nowhere["answer"], nowhere["data"]["latest"]) == ("cohorts_none", [])
        row = await last_interaction(content, contact_id)
        assert (row.lookup, row.rows_found) == ({"city": "oujda", "track": "ai"}, 0)

    async def test_calls_what_is_not_taught_by_the_words_of_the_person(
        self, content: Database, contact_id: int
    ) -> None:
        """A subject that JobInTech is not known to teach is named in the answer as it was typed, not by our code."""
        for name, key in (("action_find_tracks", "asked"), ("action_find_cohorts", "track")):
            found = await run_action(content, name, contact_id, track="networks")
            assert found["answer"] in ("track_unknown", "cohorts_none")
            assert found["data"][key] == "«networks»"

    async def test_prefers_what_is_taught(self, content: Database, contact_id: int) -> None:
        """Of several subjects in a message the one that is taught is meant, wherever it stands."""
        recognised = ({"entity": "track", "value": "networks", "text": "réseau"}, {"entity": "track", "value": "data"})
        request = Request("jobintech_tracks", {"track": "networks"}, {"track": "réseau"}, recognised)
        action = FindTracks(Context(content, BASE_URL, Reach((), {}), "x" * 16))
        async with content.read() as session:
            found = await action.find(session, request)
        assert found.answer is not None and found.answer.data["track"]["slug"] == "data"


class TestFounders:
    async def test_finds_an_incubator_in_rabat(self, content: Database, contact_id: int) -> None:
        """The programmes of that city, the sure ones before those to be checked, with a button for each."""
        found = await run_action(content, "action_find_programmes", contact_id, city="rabat")
        shown = found["data"]["programmes"]
        assert found["answer"] == "programmes_found"
        assert all("rabat" in programme["city_slugs"] for programme in shown)
        assert {"technopark", "startgate-rabat"} <= set(names(found, "programmes"))
        assert [programme["uncertain"] for programme in shown] == sorted(programme["uncertain"] for programme in shown)
        row = await last_interaction(content, contact_id)
        assert row.rows_found == len(shown) + found["data"]["more"]
        *payloads, more = [payload for payload, _ in found["choices"]]
        assert payloads == [f'/incubator_details{{"programme": "{slug}"}}' for slug in names(found, "programmes")]
        assert more.startswith('/more{"list": "')

    async def test_says_when_there_is_none(self, content: Database, contact_id: int) -> None:
        """In a city without programmes those that are tied to no place are offered, as what they are."""
        found = await run_action(content, "action_find_programmes", contact_id, city="dakhla", sector="agriculture")
        assert found["answer"] == "programmes_none"
        assert all(not programme["city_slugs"] for programme in found["data"]["programmes"])
        assert "nextafrica" in names(found, "programmes")

    async def test_describes_one_programme(self, content: Database, contact_id: int) -> None:
        """By its name all that is known; an unknown or missing name is said to be."""
        found = await run_action(content, "action_describe_programme", contact_id, programme="212-founders")
        assert found["answer"] == "programme_details"
        assert found["data"]["programme"]["uncertain"] is True
        assert found["data"]["fact_slugs"]
        for entities, asked in (({"programme": "nasa"}, "«nasa»"), ({}, "")):
            unknown = await run_action(content, "action_describe_programme", contact_id, **entities)
            assert (unknown["answer"], unknown["data"]["asked"]) == ("programme_unknown", asked)
            assert len(unknown["choices"]) == 6

    async def test_finds_money(self, content: Database, contact_id: int) -> None:
        """Funds, loans, grants, labels, and whoever else brings money."""
        found = await run_action(content, "action_find_funding", contact_id)
        assert found["answer"] == "funding_list"
        shown = len(found["data"]["programmes"])
        assert 1 < shown <= 5
        assert (await last_interaction(content, contact_id)).rows_found == shown + found["data"]["more"]
        for programme in found["data"]["programmes"]:
            assert programme["kind"] in ("fund", "loan", "grant", "label") or "money" in programme["offers"]


class TestEventsAndWatch:
    async def test_finds_events(self, content: Database, contact_id: int) -> None:
        """Only events to come, by city, month and topic; else the others, and the log says that none fitted."""
        found = await run_action(content, "action_find_events", contact_id)
        assert found["answer"] == "events_upcoming"
        assert {event["status"] for event in found["data"]["events"]} == {"to_confirm"}
        assert "find-my-dev-2023" not in names(found, "events")
        april = await run_action(content, "action_find_events", contact_id, city="marrakech", date="month:4")
        assert names(april, "events") == ["gitex-africa"]
        none = await run_action(content, "action_find_events", contact_id, city="oujda")
        assert (none["answer"], bool(none["data"]["events"])) == ("events_none", True)
        assert (await last_interaction(content, contact_id)).rows_found == 0

    async def test_an_impossible_month_is_no_condition(self, content: Database, contact_id: int) -> None:
        """A date that is no month is left out instead of failing."""
        for value in ("month:13", "month:", "demain", "month:x"):
            assert (await run_action(content, "action_find_events", contact_id, date=value))["data"]["month"] is None

    async def test_describes_one_event(self, content: Database, contact_id: int) -> None:
        """A past event is described as past; an unknown one is said to be."""
        past = await run_action(content, "action_describe_event", contact_id, event="find-my-dev-2023")
        assert (past["answer"], past["data"]["event"]["status"]) == ("event_details", "past")
        unknown = await run_action(content, "action_describe_event", contact_id, event="burning-man")
        assert (unknown["answer"], unknown["data"]["asked"]) == ("event_unknown", "«burning-man»")

    async def test_finds_publications(self, content: Database, contact_id: int) -> None:
        """The latest first, on a topic, with publisher and date; else the latest of all."""
        found = await run_action(content, "action_find_publications", contact_id, topic="ai")
        dates = [entry["published_on"] for entry in found["data"]["publications"]]
        assert found["answer"] == "publications_found"
        assert dates == sorted(dates, reverse=True)
        assert all(entry["publisher"] for entry in found["data"]["publications"])
        none = await run_action(content, "action_find_publications", contact_id, topic="deeptech")
        assert (none["answer"], len(none["data"]["publications"])) == ("publications_none", 3)


class TestPerson:
    async def test_asking_for_a_person_twice_opens_one_request(self, content: Database, contact_id: int) -> None:
        """The second time the person hears that it is noted already; a closed request may be followed by a new one."""
        first = await run_action(content, "action_request_human", contact_id)
        second = await run_action(content, "action_request_human", contact_id)
        assert (first["data"]["already"], second["data"]["already"]) == (False, True)
        async with content.write() as session:
            (request,) = (
                await session.scalars(select(StaffRequest).where(StaffRequest.contact_id == contact_id))
            ).all()
            assert request.kind == "human"
            request.closed_at = request.opened_at
        nobody_said = {"there_until": None, "there_from": None}
        first = await run_action(content, "action_request_human", contact_id)
        assert first["data"] == {"already": False, **nobody_said}

    async def test_an_erasure_is_confirmed_first(self, content: Database, contact_id: int) -> None:
        """Asking for it erases nothing; confirming does, with a receipt that counts what went."""
        await run_action(content, "action_request_human", contact_id)
        asked = await run_action(content, "action_request_erasure", contact_id)
        assert [payload for payload, _ in asked["choices"]] == ["/erase_my_data", "/keep_data"]
        held = await run_action(content, "action_show_my_data", contact_id)
        assert held["data"]["open_requests"] == 1
        receipt = (await run_action(content, "action_erase_my_data", contact_id))["data"]["reference"]
        async with content.read() as session:
            erasure = await session.scalar(select(Erasure).where(Erasure.reference == receipt))
            left = await session.scalar(select(StaffRequest).where(StaffRequest.contact_id == contact_id))
        assert erasure is not None and erasure.counts["staff_requests"] == 1
        assert left is None

    async def test_subscribing_and_stopping(self, content: Database, contact_id: int) -> None:
        """A topic is noted once, STOP ends all of them, and subscribing again ends the STOP."""
        first = await run_action(content, "action_subscribe", contact_id, topic="events")
        assert first["data"] == {"topic": "events", "already": False, "wish": {}, "promise": "none"}
        assert (await run_action(content, "action_subscribe", contact_id, topic="events"))["data"]["already"] is True
        await run_action(content, "action_subscribe", contact_id, topic="cohorts")
        assert (await run_action(content, "action_unsubscribe", contact_id))["answer"] == "unsubscribed"
        assert (await last_interaction(content, contact_id)).rows_found == 2
        async with content.read() as session:
            assert (await session.get_one(Contact, contact_id)).unsubscribed_at is not None
        again = await run_action(content, "action_subscribe", contact_id, topic="events")
        assert again["data"]["already"] is False
        async with content.read() as session:
            assert (await session.get_one(Contact, contact_id)).unsubscribed_at is None
            query = select(Subscription.topic).where(
                Subscription.contact_id == contact_id, Subscription.ended_at.is_(None)
            )
            assert (await session.scalars(query)).all() == ["events"]

    async def test_an_unclear_topic_is_asked_for(self, content: Database, contact_id: int) -> None:
        """Without a topic that can be subscribed to, the three are offered."""
        for entities in ({}, {"topic": "ai"}):
            found = await run_action(content, "action_subscribe", contact_id, **entities)
            assert (found["answer"], len(found["choices"])) == ("subscribe_choose", 3)

    async def test_the_language_is_kept_until_auto(self, content: Database, contact_id: int) -> None:
        """A named variety is kept, "auto" ends it, and anything else opens the menu and changes nothing."""
        for language, kept in (("ar", "ar"), ("klingon", "ar"), ("auto", None)):
            found = await run_action(content, "action_change_language", contact_id, language=language)
            assert found["answer"] == ("language_menu" if language == "klingon" else "language_changed")
            async with content.read() as session:
                assert (await session.get_one(Contact, contact_id)).chosen_variety == kept

    async def test_nobody_in_particular_is_served_too(self, content: Database) -> None:
        """With Rasa driven by something else than the app there is no contact: nothing is noted and nothing fails."""
        for name in ("action_request_human", "action_request_erasure", "action_unsubscribe", "action_show_my_data"):
            assert (await run_action(content, name))["answer"]
        assert (await run_action(content, "action_subscribe", topic="events"))["answer"] == "subscribe_choose"


class TestClarifying:
    """What is said to a message that was not understood."""

    @staticmethod
    async def ask(db: Database, ranking: dict[str, float], earlier: tuple[str, ...] = ()) -> dict[str, Any]:
        """The answer of action_clarify to a message whose likeliest intents are given."""
        event = user_event("nlu_fallback", {})
        event["parse_data"]["intent_ranking"] = [{"name": n, "confidence": c} for n, c in ranking.items()]
        events = [*(user_event(each, {}) for each in earlier), event]
        tracker = Tracker("nobody.1", {}, event["parse_data"], events, False, None, {}, "action_listen")
        dispatcher = CollectingDispatcher()
        await make_executor(Context(db, BASE_URL, Reach(("telegram",), {}), "x" * 16)).actions["action_clarify"](
            dispatcher, tracker, {}
        )
        return dict(dispatcher.messages[0]["custom"])

    async def test_likely_topics_are_offered(self, content: Database) -> None:
        """Three at most, in order, and none that nobody would choose."""
        ranking = {
            "nlu_fallback": 0.8,
            "jobintech_cost": 0.18,
            "inform": 0.17,
            "jobintech_allowance": 0.15,
            "jobintech_documents": 0.14,
            "jobintech_dates": 0.13,
        }
        said = await self.ask(content, ranking)
        assert said["answer"] == "did_you_mean"
        assert [payload for payload, _ in said["choices"]] == [
            "/jobintech_cost",
            "/jobintech_allowance",
            "/jobintech_documents",
        ]

    async def test_without_a_likely_topic_it_says_so(self, content: Database) -> None:
        """A ranking that is flat, or is about nothing that can be answered, offers the menu and a person."""
        for ranking in ({}, {"jobintech_cost": 0.05}, {"out_of_scope": 0.19, "greet": 0.15}):
            assert (await self.ask(content, ranking))["answer"] == "not_understood"

    @pytest.mark.parametrize("earlier", [("nlu_fallback",), ("greet", "out_of_scope")])
    async def test_the_second_miss_offers_a_person(self, content: Database, earlier: tuple[str, ...]) -> None:
        """Whatever is likely now: two misses in a row are enough."""
        assert (await self.ask(content, {"jobintech_cost": 0.19}, earlier))["answer"] == "clarify_again"

    async def test_an_answer_between_ends_the_row(self, content: Database) -> None:
        """A miss, an answered question, and a miss are not two in a row."""
        assert (await self.ask(content, {}, ("nlu_fallback", "jobintech_cost")))["answer"] == "not_understood"


class TestInformation:
    @pytest.mark.parametrize(
        ("earlier", "entities", "answer"),
        [
            (("incubator_search",), {"city": "rabat"}, "programmes_found"),
            (("incubator_search", "thank"), {"sector": "health"}, "programmes_found"),
            (("jobintech_locations",), {"city": "rabat"}, "centres_city"),
            (("incubator_search", "jobintech_dates"), {"city": "rabat"}, "cohorts_none"),
            (("event_search",), {"date": "month:4"}, "events_upcoming"),
            (("publications_search",), {"topic": "ai"}, "publications_found"),
            (("jobintech_dates",), {"stage": "idea"}, "programmes_found"),
            ((), {"track": "devops"}, "track_details"),
            ((), {"programme": "technopark"}, "programme_details"),
            ((), {"event": "gitex-africa"}, "event_details"),
            ((), {"city": "rabat"}, "inform_city"),
            ((), {"diploma": "bac"}, "inform_noted"),
            (("greet",), {}, "inform_noted"),
        ],
    )
    async def test_goes_on_with_the_question_before(
        self, content: Database, earlier: tuple[str, ...], entities: dict[str, str], answer: str
    ) -> None:
        """A bare piece of information completes the latest question that can use it, else stands for itself."""
        found = await run_action(content, "action_use_information", earlier=earlier, **entities)
        assert found["answer"] == answer

    async def test_a_strange_city_breaks_no_button(self, content: Database) -> None:
        """Whatever stands for a city, the payloads under it can be read again."""
        found = await run_action(content, "action_use_information", city='a"b\\')
        assert found["choices"][0][0] == '/jobintech_locations{"city": "a\\"b\\\\"}'


class TestLog:
    async def test_every_run_is_logged(self, content: Database, contact_id: int) -> None:
        """The log has what was asked, looked up and found, and how long it took."""
        await run_action(content, "action_find_programmes", contact_id, intent="incubator_search", city="rabat")
        row = await last_interaction(content, contact_id)
        assert (row.action, row.intent, row.outcome) == (
            "action_find_programmes",
            "incubator_search",
            "programmes_found",
        )
        assert row.entities == [{"entity": "city", "value": "rabat", "text": "«rabat»"}]
        assert (row.lookup, row.error) == ({"city": "rabat"}, None)
        assert row.rows_found is not None and row.rows_found > 0
        assert 0 < row.duration_ms < 10_000

    async def test_a_failing_run_is_logged_and_told(
        self, content: Database, contact_id: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The error is in the log, and Rasa hears of it."""
        monkeypatch.setattr("actions.learners.list_tracks", broken)
        with pytest.raises(RuntimeError, match="broken"):
            await run_action(content, "action_find_tracks", contact_id)
        row = await last_interaction(content, contact_id)
        assert (row.outcome, row.error, row.rows_found) == ("error", "RuntimeError: broken", None)

    async def test_every_city_can_be_asked_about(self, content: Database) -> None:
        """No town of the map makes a look-up fail."""
        async with content.read() as session:
            cities = list(await session.scalars(select(City.slug)))
        for city in cities[::4]:
            for name in ("action_find_centres", "action_find_cohorts", "action_find_programmes", "action_find_events"):
                assert (await run_action(content, name, city=city))["data"]["city"] == city

    async def test_nothing_is_left_of_a_failed_look_up(self, db: Database) -> None:
        """A database that refuses a look-up is in the log with its words, and the next question is answered."""
        person = await meet(db)
        async with db.write() as session:
            await session.execute(text("DROP TABLE programmes"))
        with pytest.raises(DBAPIError):
            await person.ask("incubator_search", city="rabat")
        (row,) = await person.logged()
        assert (row.outcome, row.rows_found, row.entities[0]["value"]) == ("error", None, "rabat")
        assert row.error is not None and "programmes" in row.error
        assert (await person.ask("request_human"))["data"]["already"] is False

    async def test_every_action_of_the_rules_runs(self, content: Database) -> None:
        """Each action that a rule names exists, runs without any entity, and is logged with the person's message."""
        person = await meet(content)
        # The last one takes the log of the others with it.
        asked = {intent: action for intent, action in ACTION_OF.items() if action != "action_erase_my_data"}
        for intent in asked:
            await person.ask(intent)
        rows = await person.logged()
        assert [row.action for row in rows] == list(asked.values())
        assert {(row.message_id, row.error) for row in rows} == {(person.message_id, None)}

    @pytest.mark.parametrize("value", ["{{ 7 * 7 }}", "'; DROP TABLE events; --", "x" * 5_000])
    async def test_hostile_values(self, content: Database, value: str) -> None:
        """Whatever a forged button brings as a name is unknown, like any other, and is logged."""
        person = await meet(content)
        assert (await person.ask("event_details", event=value))["answer"] == "event_unknown"
        assert [row.lookup for row in await person.logged()] == [{"event": value}]


class TestGoingOn:
    @pytest.mark.parametrize(
        ("question", "asked", "added"),
        [
            ("incubator_search", {"city": "casablanca"}, {"stage": "idea"}),
            ("incubator_search", {"city": "casablanca", "stage": "growth"}, {"city": "rabat"}),
            ("funding_options", {"sector": "industry"}, {"stage": "sme"}),
            ("event_search", {"topic": "startups"}, {"city": "marrakech"}),
            ("jobintech_dates", {"city": "rabat"}, {"track": "full-stack"}),
        ],
    )
    async def test_adds_to_the_question(
        self, content: Database, question: str, asked: dict[str, str], added: dict[str, str]
    ) -> None:
        """A bare piece of information narrows the question before it down: what was asked with it still counts."""
        person = await meet(content)
        wanted = await person.ask(question, **(asked | added))
        await person.ask(question, **asked)
        assert await person.ask("inform", **added) == wanted
        whole, _, continued = await person.logged()
        assert continued.action == "action_use_information"
        assert (continued.lookup, continued.rows_found) == (whole.lookup, whole.rows_found)

    async def test_piece_by_piece(self, content: Database) -> None:
        """Several pieces narrow one question down, with small talk between; a new question starts anew."""
        person = await meet(content)
        wanted = await person.ask("incubator_search", city="rabat", stage="idea", sector="social")
        await person.ask("incubator_search", city="fes")
        await person.ask("inform", city="rabat")
        person.say("thanks", city="oujda")
        await person.ask("inform", city="rabat", stage="idea")
        assert await person.ask("inform", sector="social") == wanted
        await person.ask("incubator_search", sector="health")
        anew = await person.ask("inform", stage="idea")
        assert (anew["data"]["city"], anew["data"]["sector"], anew["data"]["stage"]) == (None, "health", "idea")


async def test_coming_classes(content: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a day before known classes began, those come soonest first, in the asked town and field."""
    monkeypatch.setattr("actions.learners.today", lambda: date(2025, 10, 1))
    person = await meet(content)
    answer = await person.ask("jobintech_dates")
    assert answer["answer"] == "cohorts_upcoming"
    assert [row["starts_on"] for row in answer["data"]["cohorts"]] == ["2025-10-15"] * 3 + ["2025-10-27"]
    narrowed = await person.ask("jobintech_dates", city="fquih-ben-salah", track="cybersecurity")
    assert [row["title"] for row in narrowed["data"]["cohorts"]] == ["Cybersécurité"]


async def test_my_data_is_mine(content: Database) -> None:
    """What is held is counted for this person alone."""
    other, person = await meet(content), await meet(content)
    await other.ask("subscribe_updates", topic="publications")
    await other.ask("request_human")
    await person.ask("change_language", language="en")
    await person.ask("request_human")
    held = (await person.ask("delete_my_data"))["data"]
    async with content.read() as session:
        since = (await session.get_one(Contact, person.contact_id)).created_at.astimezone(MOROCCO).date()
    assert held == {
        "since": since.isoformat(),
        "messages": 1,
        "channels": ["web"],
        "chosen_variety": "en",
        "subscriptions": [],
        "open_requests": 1,
        "application": None,
        "registrations": 0,
        "consents": [],
    }


async def broken(*_: object) -> None:
    raise RuntimeError("broken")


async def test_a_place_in_a_list_counts_where_no_programme_is_named(content: Database, contact_id: int) -> None:
    """ "the first step at X" is about X alone, whatever was listed before; "the second" is the second of the list."""
    listed = [
        {"title": slug, "payload": f'/incubator_details{{"programme": "{slug}"}}'} for slug in ("bidaya", "technopark")
    ]
    async with content.write() as session:
        identity = Identity(contact_id=contact_id, channel="web", address=f"listed-{contact_id}")
        session.add(identity)
        await session.flush()
        session.add(
            Message(contact_id=contact_id, identity_id=identity.id, channel="web", direction="out", state="sent",
                    answer_key="programmes_ranked", buttons=listed)
        )  # fmt: skip
    action = DescribeProgramme(Context(content, BASE_URL, Reach(("telegram",), {}), "x" * 16))

    async def ask(text: str, **entities: str) -> Any:
        async with content.read() as session:
            return await action.find(session, Request("incubator_details", entities, text=text, contact_id=contact_id))

    about_one = await ask("what is the first step at technopark", programme="technopark")
    assert (about_one.answer.key, about_one.lookup) == ("programme_details", {"programme": "technopark"})
    placed = await ask("tell me about the second in your list")
    assert (placed.answer.key, placed.lookup) == ("programme_details", {"programme": "technopark"})
    both = await ask("les deux premiers")
    assert both.answer.key == "programmes_compared"
