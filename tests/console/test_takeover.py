"""Taking a conversation over, answering, and handing it back: by whom, when, and what is refused."""

from __future__ import annotations

import asyncio
import html
import re
import shutil
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from running import sqlite_url
from scripted import ScriptedChannel
from sqlalchemy import select, update
from staffed import Client, Console, SignIn, add_member
from talks import contact_of, hear, meet

from bot.clock import utc_now
from bot.console.roles import Role
from bot.db.linking import merge_contacts
from bot.db.models import CannedAnswer, Contact, Identity, Message, Notice, StaffMember
from bot.db.people import end_holds, open_request
from bot.takeover import HOLD, HeldByOther, Holder, claim

TEMPLATES = {"fr": "HX" + "1" * 32}


@pytest.fixture
async def served_channels(empty_database: Path, tmp_path: Path) -> AsyncIterator[Console]:
    """The console of an app that sends on Telegram and WhatsApp."""
    shutil.copy(empty_database, tmp_path / "assistant.db")
    console = Console(sqlite_url(tmp_path), whatsapp_notice_templates=TEMPLATES)
    for name in ("telegram", "whatsapp"):
        console.app.state.assistant.channels[name] = ScriptedChannel(name)
    yield console
    await console.aclose()


async def writes(console: Console, channel: str = "web", at: datetime | None = None, **values: Any) -> int:
    """Somebody who wrote a message; the contact's id."""
    contact_id = await meet(console.db, channel=channel)
    await hear(console.db, contact_id, "bonjour", at=at)
    async with console.db.write() as session:
        own = update(Identity).where(Identity.contact_id == contact_id)
        await session.execute(own.values(last_inbound_at=at or utc_now(), **values))
    return contact_id


async def said(console: Console) -> list[Message]:
    """What staff wrote."""
    async with console.db.read() as session:
        query = select(Message).where(Message.direction == "out", Message.answer_key.is_(None)).order_by(Message.id)
        return list(await session.scalars(query))


def holder_in(page: str) -> str:
    """Whom the form of a page takes the conversation from."""
    return html.unescape(re.findall(r'name="instead_of" value="([^"]*)"', page)[0])


async def test_claim_answer_hand_back(any_console: Console) -> None:
    """The bot is silent meanwhile, who waited waits no more, the person is told, and each step is in the log."""
    console = any_console
    contact_id = await writes(console)
    async with console.db.write() as session:
        await open_request(session, contact_id, "human", None)
    client, path = await console.sign_in("adviser"), f"/conversations/{contact_id}"
    assert client.member is not None
    assert (await client.post(f"{path}/say", {"text": "trop tôt"})).status_code == 409
    assert (await client.post(f"{path}/claim")).status_code == 303
    contact = await contact_of(console.db, contact_id)
    assert (contact.held_by, contact.held_by_id, contact.unread) == (client.member.name, client.member.id, 0)
    assert (await client.post(f"{path}/say", {"text": " Bonjour,\r\nje suis là. "})).status_code == 303
    (message,) = await said(console)
    assert (message.text, message.state, message.staff_id) == ("Bonjour,\nje suis là.", "sent", client.member.id)
    page = (await client.get(path)).text
    assert client.member.name in page and "je suis là." in page
    assert (await contact_of(console.db, contact_id)).waiting_since is None
    assert (await client.post(f"{path}/hand-back")).status_code == 303
    assert (await client.post(f"{path}/hand-back")).status_code == 409
    assert (await contact_of(console.db, contact_id)).held_by_id is None
    async with console.db.read() as session:
        assert len(list(await session.scalars(select(Notice)))) == 1
    assert [action for _, action, _ in await console.audited()] == [
        "conversation_taken", "conversation_revealed", "conversation_answered", "conversation_handed_back",
    ]  # fmt: skip


async def test_two_answer_only_knowingly(any_console: Console) -> None:
    """The second is told who has it, takes it over from them by name, and then the first is told the same."""
    console = any_console
    path = f"/conversations/{await writes(console)}"
    first, second = [await console.sign_in(member=await add_member(console.db, name="Même Nom")) for _ in range(2)]
    await first.post(f"{path}/claim")
    refused = await second.post(f"{path}/claim")
    assert refused.status_code == 409 and "Même Nom" in refused.text
    written = await second.post(f"{path}/say", {"text": "une réponse déjà tapée"})
    assert written.status_code == 409 and "une réponse déjà tapée" in written.text
    assert (await second.post(f"{path}/hand-back")).status_code == 409
    assert (await second.post(f"{path}/extend")).status_code == 409
    assert await said(console) == []
    assert (await second.post(f"{path}/claim", {"instead_of": holder_in(refused.text)})).status_code == 303
    written = await first.post(f"{path}/say", {"text": "trop tard"})
    assert written.status_code == 409 and "trop tard" in written.text
    assert (await second.post(f"{path}/say", {"text": "à moi"})).status_code == 303
    assert [message.text for message in await said(console)] == ["à moi"]


async def test_whom_it_is_taken_from_must_be_who_has_it(console: Console) -> None:
    """A page that shows a colleague who has it no more takes it from nobody else."""
    contact_id = await writes(console)
    path = f"/conversations/{contact_id}"
    first, second, third = [await console.sign_in("adviser") for _ in range(3)]
    await first.post(f"{path}/claim")
    seen = holder_in((await third.get(path)).text)
    await second.post(f"{path}/claim", {"instead_of": seen})
    refused = await third.post(f"{path}/claim", {"instead_of": seen})
    assert refused.status_code == 409
    assert second.member is not None and (await contact_of(console.db, contact_id)).held_by_id == second.member.id


async def test_of_many_at_once_one_has_it(any_console: Console) -> None:
    """Whoever comes second in the same moment meets the first."""
    console = any_console
    contact_id = await writes(console)
    members = [await add_member(console.db) for _ in range(8)]

    async def take(member: StaffMember) -> bool:
        try:
            async with console.db.write() as session:
                await claim(session, contact_id, Holder(member.id, member.name))
        except HeldByOther:
            return False
        return True

    assert sum(await asyncio.gather(*map(take, members))) == 1


async def test_a_hold_ends_by_itself(console: Console) -> None:
    """After half an hour without a sign the bot has it again; what is written or extended begins the time anew."""
    contact_id = await writes(console)
    client, path = await console.sign_in("adviser"), f"/conversations/{contact_id}"
    await client.post(f"{path}/claim")

    async def let_pass(left: timedelta) -> None:
        async with console.db.write() as session:
            own = update(Contact).where(Contact.id == contact_id)
            await session.execute(own.values(held_until=utc_now() + left))

    for sign in ("extend", "typing", "say"):
        await let_pass(timedelta(minutes=1))
        assert (await client.post(f"{path}/{sign}", {"text": "oui"})).status_code in (204, 303)
        until = (await contact_of(console.db, contact_id)).held_until
        assert until is not None and until > utc_now() + HOLD - timedelta(minutes=1)
    await let_pass(timedelta(seconds=-1))
    refused = await client.post(f"{path}/say", {"text": "trop tard"})
    assert refused.status_code == 409 and "trop tard" in refused.text
    assert (await client.post(f"{path}/typing")).status_code == 204
    async with console.db.write() as session:
        await end_holds(session)
    assert (await contact_of(console.db, contact_id)).held_by_id is None


@pytest.mark.parametrize(("text", "words"), [("", "Écrivez"), ("  \r\n ", "Écrivez"), ("x" * 4_001, "4 000")])
async def test_an_answer_has_a_text(console: Console, text: str, words: str) -> None:
    """What is wrong is said at the field, with what was typed, to htmx as well."""
    path = f"/conversations/{await writes(console)}"
    client = await console.sign_in("adviser")
    await client.post(f"{path}/claim")
    refused = await client.post(f"{path}/say", {"text": text})
    assert refused.status_code == 422 and 'id="answer-error"' in refused.text and words in refused.text
    token = {"X-CSRF-Token": client.csrf, "HX-Request": "true"}
    again = await client.post(f"{path}/say", {"text": text}, headers=token)
    assert again.status_code == 200 and 'id="answer-error"' in again.text and "<html" not in again.text
    assert text.strip()[:50] in again.text and await said(console) == []


async def test_whatsapp_takes_templates_outside_of_its_window(served_channels: Console) -> None:
    """Free text is refused by the server; an approved template takes one line, in its variety."""
    console = served_channels
    path = f"/conversations/{await writes(console, 'whatsapp', utc_now() - timedelta(hours=25))}"
    client = await console.sign_in("adviser")
    await client.post(f"{path}/claim")
    page = (await client.get(path)).text
    assert "fenêtre de 24 h fermée" in page and '<option value="fr">' in page
    refused = await client.post(f"{path}/say", {"text": "texte libre"})
    assert refused.status_code == 409 and "texte libre" in refused.text and "modèle" in refused.text
    for wrong in ({"text": "deux\nlignes", "template": "fr"}, {"text": "x" * 256, "template": "fr"},
                  {"text": "x", "template": "en"}):  # fmt: skip
        assert (await client.post(f"{path}/say", wrong)).status_code == 422
    assert (await client.post(f"{path}/say", {"text": "une ligne", "template": "fr"})).status_code == 303
    (message,) = await said(console)
    assert (message.template, message.text, message.state) == (TEMPLATES["fr"], "une ligne", "queued")


async def test_whatsapp_counts_its_window_down(served_channels: Console) -> None:
    """Within it free text is taken, and how long still is shown."""
    console = served_channels
    path = f"/conversations/{await writes(console, 'whatsapp', utc_now() - timedelta(hours=1, minutes=30))}"
    client = await console.sign_in("adviser")
    await client.post(f"{path}/claim")
    assert "texte libre encore 22 h 30" in (await client.get(path)).text
    assert (await client.post(f"{path}/say", {"text": "texte libre"})).status_code == 303


@pytest.mark.parametrize(
    ("channel", "values", "words"),
    [("telegram", {"blocked_at": utc_now()}, "nous a bloqués"), ("telegram", {}, "n&#39;est pas configuré ici")],
)
async def test_who_can_not_be_reached_is_said(console: Console, channel: str, values: Any, words: str) -> None:
    """Before one writes; and the server refuses it."""
    path = f"/conversations/{await writes(console, channel, **values)}"
    client = await console.sign_in("adviser")
    assert words in (await client.get(path)).text
    await client.post(f"{path}/claim")
    refused = await client.post(f"{path}/say", {"text": "bonjour quand même"})
    assert refused.status_code == 409 and "bonjour quand même" in refused.text and await said(console) == []


async def test_nobody_writes_to_who_was_erased(console: Console) -> None:
    """Nor to somebody who is not there."""
    contact_id = await writes(console)
    client = await console.sign_in("adviser")
    await client.post(f"/conversations/{contact_id}/claim")
    async with console.db.write() as session:
        await session.execute(update(Contact).values(erased_at=utc_now()))
    assert (await client.post(f"/conversations/{contact_id}/say", {"text": "x"})).status_code == 409


async def test_typing_is_shown_where_the_channel_can(served_channels: Console) -> None:
    """By whoever has the conversation only."""
    console, shown = served_channels, list[str]()

    class Showing(ScriptedChannel):
        async def acknowledge(self, inbound: Any) -> None:
            shown.append(inbound.sender)

    console.app.state.assistant.channels["telegram"] = Showing("telegram")
    contact_id = await writes(console, "telegram")
    first, second = await console.sign_in("adviser"), await console.sign_in("adviser")
    await first.post(f"/conversations/{contact_id}/claim")
    for client in (first, second):
        await client.post(f"/conversations/{contact_id}/typing")
    await asyncio.gather(*console.app.state.assistant.loose_tasks)
    assert shown == [f"telegram-{contact_id}"]


async def news_of(client: Client, page: str) -> tuple[int, str]:
    """What the page hears next."""
    poll = html.unescape(re.findall(r'id="news" hidden hx-get="/console([^"]*)"', page)[0])
    answer = await client.get(poll, headers={"HX-Request": "true"})
    return answer.status_code, answer.text


async def test_a_thread_hears_what_is_new(any_console: Console) -> None:
    """New messages at its end, what became of those on their way, another composer when a colleague takes over."""
    console = any_console
    contact_id = await writes(console)
    first, second, path = await console.sign_in(), await console.sign_in(), f"/conversations/{contact_id}"
    await first.post(f"{path}/claim")
    await first.post(f"{path}/say", {"text": "Bonjour"})
    status, seen = await news_of(first, (await first.get(path)).text)
    assert status == 200 and "hx-swap-oob" in seen
    assert (await news_of(first, seen))[0] == 204
    number = await hear(console.db, contact_id, "une question", state="received", intent=None)
    async with console.db.write() as session:
        sent = update(Message).where(Message.staff_id.is_not(None))
        await session.execute(sent.values(state="delivered", delivered_at=utc_now()))
    status, seen = await news_of(first, seen)
    assert "une question" in seen and f'id="m{number}"' in seen and "reçu" in seen and 'id="composer"' not in seen
    async with console.db.write() as session:
        heard = update(Message).where(Message.id == number)
        await session.execute(heard.values(state="answered", intent="greet", confidence=0.9))
    status, seen = await news_of(first, seen)
    assert "Salutation" in seen and 'hx-swap-oob="true"' in seen
    assert (await news_of(first, seen))[0] == 204
    await second.post(f"{path}/claim", {"instead_of": holder_in((await second.get(path)).text)})
    status, seen = await news_of(first, seen)
    assert second.member is not None and 'id="composer"' in seen and second.member.name in seen


async def test_a_held_conversation_is_held_when_channels_are_linked(db: Any) -> None:
    """The bot does not speak up because the person linked a channel."""
    kept, merged = await meet(db), await meet(db, channel="web")
    member = await add_member(db)
    async with db.write() as session:
        await claim(session, merged, Holder(member.id, member.name))
    async with db.write() as session:
        await merge_contacts(session, kept, merged)
    assert (await contact_of(db, kept)).held_by_id == member.id


@pytest.mark.parametrize("role", ["administrator", "adviser"])
async def test_ready_answers_are_ones_own(console: Console, signed_in: SignIn, role: Role) -> None:
    """Kept, replaced by their title, offered in the composer, deleted by their owner alone."""
    contact_id = await writes(console)
    client, other = await signed_in(role), await signed_in("adviser")
    await client.post("/conversations/ready", {"title": "Accueil", "text": "Bonjour, ici l'équipe."})
    await client.post("/conversations/ready", {"title": " Accueil ", "text": "Bonjour à vous."})
    await client.post(f"/conversations/{contact_id}/claim")
    assert 'data-insert="Bonjour à vous."' in (await client.get(f"/conversations/{contact_id}")).text
    refused = await client.post("/conversations/ready", {"title": "", "text": "gardé"})
    assert refused.status_code == 422 and "gardé" in refused.text and 'id="title-error"' in refused.text
    assert "Bonjour" not in (await other.get("/conversations/ready")).text
    async with console.db.read() as session:
        (kept,) = (await session.scalars(select(CannedAnswer))).all()
    await other.post(f"/conversations/ready/{kept.id}/delete")
    assert "Bonjour à vous." in (await client.get("/conversations/ready")).text
    await client.post(f"/conversations/ready/{kept.id}/delete")
    assert "Bonjour à vous." not in (await client.get("/conversations/ready")).text
