"""What was shown to a person last."""

from __future__ import annotations

from bot.db.engine import Database
from bot.db.models import Contact, Identity, Message
from bot.shown import find_last_answer, list_shown

LISTED = [
    {"title": "Technopark", "payload": '/incubator_details{"programme": "technopark"}'},
    {"title": "212 Founders", "payload": '/incubator_details{"programme": "212-founders"}'},
    {"title": "Comparer", "payload": "/compare_programmes"},
]
LONG = [{"title": "Lire la suite", "payload": '/more{"of": "2f391f0c"}'}, {"title": "MNC", "url": "https://mnc.ma"}]


async def store(db: Database, *answers: tuple[str, list[dict[str, str]]]) -> int:
    """A person who was given these answers, in this order."""
    async with db.write() as session:
        contact = Contact()
        session.add(contact)
        await session.flush()
        identity = Identity(contact_id=contact.id, channel="web", address=f"shown-{contact.id}")
        session.add(identity)
        await session.flush()
        own = {"contact_id": contact.id, "identity_id": identity.id, "channel": "web"}
        asked = Message(**own, direction="in", state="answered", external_id=f"shown:{contact.id}", text="?")
        session.add(asked)
        await session.flush()
        for key, buttons in answers:
            said = Message(**own, direction="out", state="sent", answer_key=key, buttons=buttons, reply_to_id=asked.id)
            session.add(said)
            await session.flush()
        return contact.id


async def test_the_last_list_counts_whatever_was_said_since(db: Database) -> None:
    """Also over a long answer, whose button for more is no payload of Rasa's."""
    contact_id = await store(db, ("programmes_ranked", LISTED), ("event_details", LONG))
    async with db.read() as session:
        assert await list_shown(session, contact_id, "programme") == ["technopark", "212-founders"]
        assert await list_shown(session, contact_id, "event") == []


async def test_the_last_answer_is_found_behind_others(db: Database) -> None:
    """Those that are about it are left aside."""
    contact_id = await store(db, ("programmes_ranked", LISTED), ("programmes_compared", []))
    async with db.read() as session:
        assert await find_last_answer(session, contact_id) == "programmes_compared"
        assert await find_last_answer(session, contact_id, {"programmes_compared"}) == "programmes_ranked"
