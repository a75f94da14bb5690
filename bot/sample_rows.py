"""The rows of sample people: who they are, what they said, what was answered, and what came of it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update

from bot.db.base import Base
from bot.db.models import (
    Application,
    Contact,
    ContactTag,
    Identity,
    Interaction,
    Message,
    MessageTerms,
    Note,
    Rating,
    Session,
    StaffRequest,
    Tag,
)
from bot.messages import VARIETIES, Variety
from bot.sample_texts import Example, SampleTexts
from bot.spelling import list_terms

#: How the addresses of sample people begin.
MARK = "sample-"
_TAGS = ("à rappeler", "bourse", "partenaire", "réclamation", "presse", "urgent", "étudiant", "doublon")
#: What is looked up and begun: action, answer and, of a journey, the field that it asks first.
_ACTIONS = (
    ("action_find_cohorts", None, None),
    ("action_find_programmes", "programmes_found", None),
    ("action_find_events", "events_upcoming", None),
    ("validate_programme_form", "programmes_ranked", None),
    ("validate_eligibility_form", "ask_diploma", "diploma"),
    ("validate_preregistration_form", "ask_full_name", "full_name"),
)
_PROGRAMMES = ("technopark", "technopark-start", "innov-invest", "innov-idea", "tech-boost", "intelaka")
_EVENTS = ("gitex-africa", "devoxx-morocco", "deep-tech-summit")
_CITIES = ("casablanca", "rabat", "fes", "tanger", "agadir", "oujda", "")
_NEEDS = ("money", "place", "mentoring", "training", "")
#: What is said to what was not understood, to what is no topic of ours, and to who wants a person.
_SAID_TO = {
    "nlu_fallback": ("did_you_mean", "did_you_mean", "not_understood", "clarify_again"),
    "out_of_scope": ("utter_out_of_scope",),
    "request_human": ("human_requested",),
}
_SAYING = frozenset(key for keys in _SAID_TO.values() for key in keys)
_STAFF = ("Équipe exemple A", "Équipe exemple B", "Équipe exemple C")
_APPLICATION_STATES = ("received", "incomplete", "checking", "invited", "accepted", "refused", "withdrawn")
#: So many of a hundred messages are written in another variety than the person's own.
_SWITCHES = 0.08
_NOT_UNDERSTOOD, _OUT_OF_SCOPE, _FAILED, _ASKED_AGAIN = 0.05, 0.03, 0.004, 0.01
#: Requests for a human older than this are closed in sample data.
_OPEN = timedelta(days=2)


@dataclass(slots=True)
class Person:
    """A sample person, with how far their conversation has come."""

    number: int
    variety: Variety
    channel: str
    #: What they come for, the most frequent first.
    intents: Sequence[str]
    messages: int = 0
    last_id: int | None = None
    last_at: datetime | None = None
    last_inbound_id: int | None = None
    unread: int = 0
    visits: int = 0
    waiting_since: datetime | None = None


@dataclass(frozen=True, slots=True, order=True)
class Visit:
    """A stretch of conversation: so many turns from a moment on."""

    at: datetime
    number: int
    turns: int


class RowWriter:
    """Writes visits in the order of time, so that the ids of messages grow with it as in life."""

    def __init__(self, texts: SampleTexts, people: Sequence[Person], dice: random.Random, until: date) -> None:
        self._texts, self._people, self._dice = texts, people, dice
        self._now = datetime.combine(until, time(20), UTC)
        self._rows: dict[type[Base], list[dict[str, Any]]] = {}
        self._sessions = 0
        self._terms: dict[str, str] = {}
        #: How many messages there are.
        self.messages = 0

    def write_people(self, connection: Connection, visits: Sequence[Visit]) -> None:
        """The contacts, with their addresses and tags; `visits` say when each wrote first."""
        first: dict[int, datetime] = {}
        for visit in visits:
            first.setdefault(visit.number, visit.at)
        for number, name in enumerate(_TAGS, start=1):
            self._add(Tag, id=number, name=name, created_at=min(first.values()))
        for person in self._people:
            at = first.get(person.number, self._now)
            self._add(Contact, id=person.number, variety=person.variety, created_at=at, unread=0)
            profile = {"sample": True, "name": f"Personne Exemple {person.number}"}
            self._add(
                Identity, id=person.number, contact_id=person.number, channel=person.channel, profile=profile,
                address=f"{MARK}{person.number}", created_at=at, last_inbound_at=at,
            )  # fmt: skip
            if self._dice.random() < 0.04:
                for tag in self._dice.sample(range(1, len(_TAGS) + 1), self._dice.choice((1, 1, 1, 2))):
                    self._add(ContactTag, contact_id=person.number, tag_id=tag, added_at=at)
            if self._dice.random() < 0.02:
                self._add(
                    Note, contact_id=person.number, author=self._dice.choice(_STAFF), staff_id=None, created_at=at,
                    text="Note d'exemple : à rappeler la semaine prochaine.",
                )  # fmt: skip
            if self._dice.random() < 0.03:
                self._add_application(person, at)
        self._flush(connection)

    def write_visits(self, connection: Connection, visits: Sequence[Visit]) -> None:
        """Some visits: sessions, messages both ways, look-ups, ratings, requests."""
        for visit in visits:
            self._visit(self._people[visit.number - 1], visit)
        self._flush(connection)

    def write_ends(self, connection: Connection) -> None:
        """What lists show of each conversation, now that all is said; a few are in the hands of staff."""
        rows = []
        for person in self._people:
            is_read = person.waiting_since is None and self._dice.random() < 0.6
            is_held = person.waiting_since is not None and self._dice.random() < 0.2
            rows.append({
                "number": person.number, "last_message_id": person.last_id, "last_message_at": person.last_at,
                "last_inbound_id": person.last_inbound_id, "unread": 0 if is_read else person.unread,
                "read_by_staff_at": person.last_at if is_read else None, "waiting_since": person.waiting_since,
                "held_by": self._dice.choice(_STAFF) if is_held else None,
                # Far ahead, so that measuring next week finds the same.
                "held_until": self._now + timedelta(days=365) if is_held else None,
            })  # fmt: skip
        columns: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "number"}
        table = Contact.__table__
        connection.execute(update(table).where(table.c.id == bindparam("number")).values(**columns), rows)  # type: ignore[arg-type]

    def _visit(self, person: Person, visit: Visit) -> None:
        self._sessions += 1
        person.visits += 1
        at = visit.at
        for turn in range(visit.turns):
            self._turn(person, at)
            at += timedelta(seconds=self._dice.randrange(20, 400))
            if turn == visit.turns - 1 and self._dice.random() < 0.06:
                value = self._dice.choices(("up", "down", None), (60, 25, 15))[0]
                self._add(
                    Rating, contact_id=person.number, answer_key="programmes_ranked", value=value, comment=None,
                    asked_at=at, rated_at=at if value else None,
                )  # fmt: skip
                if value == "down":
                    person.last_inbound_id = self._say(
                        person, at, direction="in", state="answered", text="", payload="/rate_down", variety=None,
                        intent="rate_down", confidence=1.0, external_id=f"{MARK}{self.messages + 1}",
                    )  # fmt: skip
        self._add(
            Session, id=self._sessions, contact_id=person.number, number=person.visits, started_at=visit.at,
            last_turn_at=at, turns=visit.turns,
        )  # fmt: skip

    def _turn(self, person: Person, at: datetime) -> None:
        dice = self._dice
        variety = dice.choice(VARIETIES) if dice.random() < _SWITCHES else person.variety
        # Few topics are most of what is asked.
        position = min(int(dice.expovariate(0.22)), len(person.intents) - 1)
        meant = person.intents[position]
        example = dice.choice(self._texts.list_examples(variety, meant))
        inbound = self._exchange(person, at, variety, position, example)
        if dice.random() < _ASKED_AGAIN:
            inbound = self._exchange(person, at + timedelta(seconds=15), variety, position, example)
        if meant == "request_human":
            self._ask_for_human(person, inbound, at)

    def _exchange(self, person: Person, at: datetime, variety: Variety, position: int, example: Example) -> int:
        """One message and its answer; the message's id. `position` is that of what is meant in the person's topics."""
        dice, meant = self._dice, person.intents[position]
        heard, confidence = self._hear(meant)
        is_failed = dice.random() < _FAILED
        key, answer = self._choose_answer(variety, heard)
        took = round(dice.lognormvariate(5, 0.5), 1)
        inbound = self._say(
            person, at, direction="in", state="failed" if is_failed else "answered", text=example.text,
            external_id=f"{MARK}{self.messages + 1}", variety=variety, intent=None if is_failed else heard,
            confidence=None if is_failed else confidence, ranking=self._rank(person, heard, confidence),
            entities=list(example.entities), error="RasaError: exemple" if is_failed else None,
            timings={"wait": 2.0, "rasa": took, "total": took + 9}, finished_at=at + timedelta(milliseconds=took),
        )  # fmt: skip
        person.unread += 1
        person.last_inbound_id = inbound
        if position % 3 == 0 and not is_failed:
            self._look_up(person, inbound, heard, example, key, at)
        is_lost = dice.random() < 0.006
        self._say(
            person, at + timedelta(seconds=1), direction="out", state="failed" if is_lost else dice.choice(
                ("sent", "delivered", "read")
            ), text=answer[:700], external_id=f"out-{MARK}{self.messages + 1}", variety=variety, reply_to_id=inbound,
            answer_key=key, error="30003: exemple" if is_lost else None,
            finished_at=at + timedelta(seconds=1 + dice.lognormvariate(0.2, 0.7)),
            buttons=[{"title": "Autre question", "payload": "/ask_capabilities"}],
        )  # fmt: skip
        return inbound

    def _ask_for_human(self, person: Person, message_id: int, at: datetime) -> None:
        is_open = self._now - at < _OPEN
        if is_open and person.waiting_since is not None:
            return
        self._add(
            StaffRequest, contact_id=person.number, message_id=message_id, kind="human", details={}, opened_at=at,
            closed_at=None if is_open else at + timedelta(hours=1), reference=None,
        )  # fmt: skip
        if is_open:
            person.waiting_since = at
            return
        self._say(
            person, at + timedelta(minutes=1), direction="out", state="sent", variety=person.variety,
            text="Bonjour, je suis de l'équipe (exemple). Comment puis-je vous aider ?",
        )  # fmt: skip
        person.unread = 0

    def _hear(self, meant: str) -> tuple[str, float]:
        """What the machine takes for the topic, and how sure it is."""
        chance = self._dice.random()
        if chance < _NOT_UNDERSTOOD:
            return "nlu_fallback", round(self._dice.uniform(0.1, 0.4), 3)
        if chance < _NOT_UNDERSTOOD + _OUT_OF_SCOPE:
            return "out_of_scope", round(self._dice.uniform(0.4, 0.9), 3)
        return meant, round(0.4 + 0.6 * self._dice.betavariate(5, 1.3), 3)

    def _rank(self, person: Person, heard: str, confidence: float) -> list[dict[str, Any]]:
        others = self._dice.sample(person.intents[:12], 2)
        rest = 1 - confidence
        seconds = [
            {"intent": each, "confidence": round(rest * share, 3)}
            for each, share in zip(others, (0.6, 0.3), strict=True)
        ]
        return [{"intent": heard, "confidence": confidence}, *seconds]

    def _choose_answer(self, variety: Variety, heard: str) -> tuple[str, str]:
        """The key and the text of what is said to a topic."""
        key, answer = self._dice.choice(self._texts.list_answers(variety))
        if heard in _SAID_TO:
            return self._dice.choice(_SAID_TO[heard]), answer
        return ("utter_ask_capabilities" if key in _SAYING else key), answer

    def _look_up(self, person: Person, message_id: int, intent: str, example: Example, key: str, at: datetime) -> None:
        dice = self._dice
        action, outcome, asking = dice.choice(_ACTIONS)
        wanted = {"city": dice.choice(_CITIES), "need": dice.choice(_NEEDS)}
        shown: dict[str, Any] | None = None
        if outcome in ("programmes_found", "programmes_ranked"):
            shown = {"programmes": dice.sample(_PROGRAMMES, 3), "wanted": wanted}
        elif outcome == "events_upcoming":
            shown = {"events": dice.sample(_EVENTS, 2)}
        lookup = {"entry": "begins", "asking": asking} if asking else {"city": wanted["city"] or None}
        self._add(
            Interaction, contact_id=person.number, message_id=message_id, action=action, intent=intent,
            entities=list(example.entities), lookup=lookup, shown=shown, rows_found=dice.randrange(9),
            outcome=outcome or key, duration_ms=round(dice.uniform(1, 40), 1), created_at=at, error=None,
        )  # fmt: skip

    def _say(self, person: Person, at: datetime, **values: Any) -> int:
        self.messages += 1
        defaults = {
            "id": self.messages, "contact_id": person.number, "identity_id": person.number,
            "session_id": self._sessions, "channel": person.channel, "created_at": at, "attachments": [],
            "buttons": [], "ranking": [], "entities": [], "timings": {}, "attempts": 1, "external_id": None,
            "intent": None, "confidence": None, "reply_to_id": None, "answer_key": None, "error": None,
            "finished_at": at,
        }  # fmt: skip
        self._add(Message, **{**defaults, **values})
        said = str(values["text"])
        if said not in self._terms:
            self._terms[said] = " ".join(list_terms(said))
        if self._terms[said]:
            self._add(MessageTerms, message_id=self.messages, words=self._terms[said])
        person.last_id, person.last_at = self.messages, at
        return self.messages

    def _add_application(self, person: Person, at: datetime) -> None:
        self._add(
            Application, reference=f"EXEMPLE-{person.number}", contact_id=person.number, created_at=at, updated_at=at,
            state=self._dice.choice(_APPLICATION_STATES), full_name=f"Personne Exemple {person.number}",
            phone=f"+2120000{person.number:05}", email=f"personne{person.number}@example.com", city_slug="rabat",
            diploma="bac2", situation="unemployed", track_slug="undecided",
        )  # fmt: skip

    def _add(self, model: type[Base], **values: Any) -> None:
        self._rows.setdefault(model, []).append(values)

    def _flush(self, connection: Connection) -> None:
        for model, rows in self._in_order():
            connection.execute(insert(model), rows)
        self._rows.clear()

    def _in_order(self) -> Iterator[tuple[type[Base], list[dict[str, Any]]]]:
        """The rows by table, those that others point to first."""
        order = {table.name: position for position, table in enumerate(Base.metadata.sorted_tables)}
        yield from sorted(self._rows.items(), key=lambda item: order[item[0].__tablename__])
