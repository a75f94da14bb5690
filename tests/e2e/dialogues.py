"""Written dialogues: who says what, on which channel; what must be in the reply; what the database holds afterwards."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from running import RunningApp, wait_until
from sqlalchemy import update

from bot.db.engine import open_database
from bot.db.models import Application, Event
from bot.staff import announce_news, give_back, move_application, say, take
from e2e.log import Log, Row
from e2e.telegram import Person as TelegramPerson
from e2e.telegram import TelegramServer
from e2e.whatsapp import Person as WhatsAppPerson
from e2e.whatsapp import Twilio

FOLDER = Path(__file__).with_name("dialogues")
#: What a step may do, one of them a step. `gets` waits for what the product says of its own accord; `staff` is what a
#: member of staff does: ``take``, ``say <text>``, ``hand back``, ``move <state>`` or ``announce <topic> <slug>``.
ACTS = frozenset({"say", "press", "choose", "share_phone", "wait", "on", "gets", "staff"})
#: What may be asked of the replies of a step, and who of several people takes it.
CHECKS = frozenset({"asks", "answers", "shows", "never", "variety", "as"})
#: How a table's rows are found from the person's contact.
TABLES = frozenset(
    {"applications", "consents", "drafts", "staff_requests", "subscriptions", "messages", "registrations", "notices"}
    | {"ratings", "identities", "document_ticks"}
)
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_SECRET = re.compile(r"LINK-[0-9A-Z]{6}")
_numbers = itertools.count()


class Clock:
    """A clock that runs with the machine's, some time ahead of it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def read(self) -> datetime:
        """The present moment there."""
        return datetime.now(UTC) + self.ahead

    def move_on(self, span: str) -> None:
        """Move on by "3 days", "2 hours" or "10 minutes"."""
        self.ahead += read_span(span)


def read_span(span: str) -> timedelta:
    """ "3 days" as a duration."""
    number, unit = span.split()
    return timedelta(seconds=int(number) * _UNITS[unit.removesuffix("s")])


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One written dialogue, as its file has it.

    `events` are made before it: a slug, a name, ``in`` how long it begins, and any column of the table.
    """

    name: str
    variety: str
    channel: str
    steps: list[dict[str, Any]]
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)


def read_dialogues() -> list[Dialogue]:
    """Every dialogue of every file.

    Raises:
        ValueError: a step has an unknown key, or does nothing or several things.
    """
    dialogues = []
    for path in sorted(FOLDER.glob("*.yml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
            dialogue = Dialogue(**entry)
            for step in dialogue.steps:
                if len(step.keys() & ACTS) != 1 or step.keys() - ACTS - CHECKS:
                    raise ValueError(f"{path.name}: {dialogue.name}: a step does one of {sorted(ACTS)}: {step}")
            if dialogue.rows.keys() - TABLES:
                raise ValueError(f"{path.name}: {dialogue.name}: rows of unknown tables")
            dialogues.append(dialogue)
    return dialogues


@dataclass(slots=True)
class Stage:
    """What a dialogue is played on."""

    app: RunningApp
    telegram: TelegramServer
    twilio: Twilio
    log: Log
    clock: Clock


class Speaker:
    """One person, on every channel that they use; each address is known to the product once it is used."""

    def __init__(self, stage: Stage, channel: str) -> None:
        self.channel = channel
        self._stage = stage
        self._telegram = TelegramPerson(stage.telegram)
        self._whatsapp = WhatsAppPerson(stage.app, stage.twilio)
        self._web = f"speaker-{next(_numbers)}"
        self._told = 0

    @property
    def address(self) -> str:
        """The address on the present channel."""
        return {"telegram": self._telegram.address, "whatsapp": self._whatsapp.address, "web": self._web}[self.channel]

    def act(self, step: dict[str, Any]) -> list[Row]:
        """Say or press what a step says; the replies, as the log has them."""
        log = self._stage.log
        (newest,) = log.rows("SELECT coalesce(max(id), 0) AS id FROM messages")
        if "press" in step:
            self._send(payload=self._find_shown(step["press"]))
        elif "share_phone" in step:
            contact = {"phone_number": step["share_phone"], "first_name": "X", "user_id": self._telegram.chat_id}
            self._telegram.send("contact_own", contact=contact)
        else:
            self._send(text=str(step["say"] if "say" in step else step["choose"]))

        def find() -> Row | None:
            own = [row for row in log.list_messages(self.address, "in") if row["id"] > newest["id"]]
            replies = log.list_replies(own[-1]["id"]) if own else []
            pending = [row for row in own + replies if row["state"] in ("received", "queued")]
            return own[-1] if own and not pending else None

        inbound: Row = wait_until(find, 30, "the reply")
        assert inbound["error"] is None, inbound["error"]
        return log.list_replies(inbound["id"])

    def _send(self, *, text: str | None = None, payload: str | None = None) -> None:
        if self.channel == "web":
            self._stage.app.ask(self._web, text, payload)
        elif self.channel == "telegram":
            if payload is None:
                self._telegram.write(str(text))
            else:
                self._telegram.press(payload)
        elif payload is None:
            self._whatsapp.write(str(text))
        else:
            # Where a template shows buttons, WhatsApp sends the payload of the one that was pressed.
            self._whatsapp.write("", ButtonPayload=payload)

    def _find_shown(self, payload: str) -> str:
        """A payload that a button had; one that ends in … stands for the latest that begins so."""
        said = self.list_rows("messages")
        shown = [str(button["payload"]) for message in said for button in message["buttons"] if button.get("payload")]
        found = [each for each in shown if each == payload or (payload[-1] == "…" and each.startswith(payload[:-1]))]
        assert found, f"no button had {payload}; shown were {sorted(set(shown))}"
        return found[-1]

    def hear(self, count: int) -> list[Row]:
        """What the product said of its own accord since last time, once it is so many messages, and sent."""

        def find() -> list[Row] | None:
            own = [
                row
                for row in self.list_rows("messages")
                if row["direction"] == "out" and row["reply_to_id"] is None and row["id"] > self._told
            ]
            return own if len(own) >= count and all(row["state"] != "queued" for row in own) else None

        told: list[Row] = wait_until(find, 20, f"{count} messages of the product's own accord")
        self._told = told[-1]["id"]
        return told

    @property
    def contact_id(self) -> int:
        """The product's number for this person."""
        return int(self._stage.log.find_identity(self.address)["contact_id"])

    def list_rows(self, table: str) -> list[Row]:
        """The rows of a table that are this person's; none when the product does not know them."""
        known = self._stage.log.rows("SELECT contact_id FROM identities WHERE address = ?", self.address)
        if not known:
            return []
        return self._stage.log.rows(f"SELECT * FROM {table} WHERE contact_id = ? ORDER BY id", known[0]["contact_id"])

    def find_open_field(self) -> str | None:
        """The field of a journey that is open, if any."""
        found = [row["asking"] for row in self.list_rows("drafts") if row["state"] == "asking"]
        return found[0] if found else None


def play(dialogue: Dialogue, stage: Stage) -> None:
    """Go through a dialogue and check every step of it.

    Raises:
        AssertionError: with the step, what was said, and what was wrong.
    """
    asyncio.run(_prepare(dialogue, stage))
    people = {"": Speaker(stage, dialogue.channel)}
    transcript: list[str] = []
    for number, step in enumerate(dialogue.steps, start=1):
        who = step.get("as", "")
        speaker = people.setdefault(who, Speaker(stage, dialogue.channel))
        replies = _take_step(step, speaker, stage, transcript)
        if replies is None:
            continue
        # A no-break space is a space to who writes a dialogue.
        text = "\n---\n".join(reply["text"] for reply in replies).replace("\u00a0", " ")
        transcript.append(f"{who}> {json.dumps(step, ensure_ascii=False)}\n{text}")
        problem = _find_problem(step, replies, text, speaker)
        assert problem is None, f"step {number}: {problem}\n\n" + "\n\n".join(transcript[-4:])
    for table, wanted in dialogue.rows.items():
        rows = people[""].list_rows(table)
        assert len(rows) == len(wanted), f"{table}: {rows}"
        for row, columns in zip(rows, wanted, strict=True):
            assert {name: row[name] for name in columns} == columns, table


def _take_step(step: dict[str, Any], speaker: Speaker, stage: Stage, transcript: list[str]) -> list[Row] | None:
    """Do a step; what the product said to it, or None where it says nothing."""
    if "wait" in step:
        stage.clock.move_on(step["wait"])
        wait_until(lambda: not _list_due(stage), 20, "what is due to be done")
    elif "on" in step:
        speaker.channel = step["on"]
    elif "staff" in step:
        asyncio.run(_act_as_staff(step["staff"], speaker, stage))
    elif "gets" in step:
        return speaker.hear(len(step["gets"]))
    else:
        for act in ("say", "press"):
            if "<code>" in str(step.get(act, "")):
                found = _SECRET.findall("\n".join(transcript))
                step = {**step, act: step[act].replace("<code>", found[-1])}
        return speaker.act(step)
    return None


def _list_due(stage: Stage) -> list[Row]:
    """Notices and offers whose time has come and that nobody has seen to."""
    now = stage.clock.read().strftime("%Y-%m-%d %H:%M:%S.%f")
    return stage.log.rows(
        "SELECT id FROM notices WHERE state = 'waiting' AND due_at <= ? "
        "UNION ALL SELECT id FROM registrations WHERE state = 'offered' AND offered_until <= ? "
        "UNION ALL SELECT id FROM contacts WHERE held_until <= ?",
        *(now, now, now),
    )


async def _act_as_staff(what: str, speaker: Speaker, stage: Stage) -> None:
    verb, _, rest = what.partition(" ")
    settings = stage.app.settings
    if verb == "take":
        await take(settings, speaker.contact_id, "agent", 2)
    elif verb == "say":
        await say(settings, speaker.contact_id, rest)
    elif verb == "hand":
        await give_back(settings, speaker.contact_id)
    elif verb == "announce":
        topic, slug = rest.split()
        await announce_news(settings, topic, slug, "agent", again=True)
    else:
        (application,) = speaker.list_rows("applications")
        await move_application(settings, application["reference"], rest, "agent")


async def _prepare(dialogue: Dialogue, stage: Stage) -> None:
    """Make a dialogue's events; the people of others, who have the same phone numbers, leave the stage."""
    db = open_database(stage.app.settings.database_url)
    async with db.write() as session:
        await session.execute(update(Application).values(state="withdrawn"))
        for event in dialogue.events:
            columns = {name: value for name, value in event.items() if name != "in"}
            begins_at = stage.clock.read() + read_span(event["in"])
            defaults = {"topics": ["digital"], "status": "confirmed", "is_registered_here": True, "is_demo": True}
            session.add(Event(**{**defaults, **columns, "begins_at": begins_at, "starts_on": begins_at.date()}))
    await db.aclose()


def _find_problem(step: dict[str, Any], replies: list[Row], text: str, speaker: Speaker) -> str | None:
    keys = [reply["answer_key"] for reply in replies]
    wanted = step.get("gets", step.get("answers"))
    if not replies and wanted != []:
        return "no reply"
    if wanted is not None and keys != wanted:
        return f"answers are {keys}, not {wanted}"
    if "asks" in step and (asked := speaker.find_open_field()) != step["asks"]:
        return f"{asked} is open, not {step['asks']}"
    if "variety" in step and replies[-1]["variety"] != step["variety"]:
        return f"the reply is in {replies[-1]['variety']}"
    for pattern in step.get("shows", ()):
        if not re.search(str(pattern), text, re.IGNORECASE):
            return f"{pattern!r} is not in the reply"
    for pattern in step.get("never", ()):
        if re.search(str(pattern), text, re.IGNORECASE):
            return f"{pattern!r} is in the reply"
    return None
