"""Staff take a conversation over from the bot, write to the person themselves, and hand it back.

Who has a conversation is a name, an account and an end in its contact's row; until then the bot is silent. Each
change locks that row first, so that of two members of staff at the same moment the second one meets what the first did.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.log import add_sent
from bot.db.models import Contact, Identity, Message
from bot.db.people import hold
from bot.errors import AssistantError
from bot.reach import WHATSAPP_WINDOW

#: How long a conversation is somebody's without a sign of them; what they write begins it anew.
HOLD = timedelta(minutes=30)
#: What one answer may have: the channels cut it into as many messages as they need.
ANSWER_LIMIT_CHARS = 4_000
#: `Contact.held_by` holds no longer name.
_NAME_CHARS = 64


@dataclass(frozen=True, slots=True)
class Holder:
    """A member of staff who has a conversation, or wants it."""

    staff_id: int
    name: str


class HeldByOther(AssistantError):
    """Somebody else has the conversation.

    Attributes:
        name: who has it.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has the conversation")
        self.name = name


class NotHeld(AssistantError):
    """Nobody has the conversation (any more), so the bot would answer beside who writes now."""


class NotTaken(AssistantError):
    """The channel would not take a message.

    Attributes:
        reason: ``window`` (WhatsApp takes no free text now), ``blocked``, ``erased`` or ``nowhere``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Address:
    """Where a person hears what staff write: the channel that they wrote on last.

    Attributes:
        window_ends_at: until when WhatsApp takes free text; None on other channels.
        obstacle: why nothing reaches them, ``blocked``, ``erased``, ``nowhere`` or ``unserved`` (the channel is not
            configured here); None when something does.
    """

    identity: Identity | None
    window_ends_at: datetime | None = None
    obstacle: str | None = None

    @property
    def takes_text(self) -> bool:
        """Whether free text is taken now; an approved template may be where it is not."""
        return self.obstacle is None and (self.window_ends_at is None or self.window_ends_at > utc_now())


def name_holder(contact: Contact) -> str | None:
    """Who has a conversation, as a text that tells one holder from another; None when nobody has it."""
    if contact.held_until is None or contact.held_until <= utc_now():
        return None
    return str(contact.held_by_id) if contact.held_by_id is not None else f"@{contact.held_by}"


async def find_address(session: AsyncSession, contact: Contact, channels: Container[str] | None = None) -> Address:
    """Where a person hears what is written to them now.

    Args:
        session: a session.
        contact: the person.
        channels: the channels that are served besides the web page; None: whatever there is.
    """
    if contact.erased_at is not None:
        return Address(None, obstacle="erased")
    # Who never wrote on an address was put there by a link from another channel: it comes last.
    newest = (Identity.last_inbound_at.is_(None), Identity.last_inbound_at.desc(), Identity.id.desc())
    query = select(Identity).where(Identity.contact_id == contact.id).order_by(*newest).limit(1)
    identity = await session.scalar(query)
    if identity is None:
        return Address(None, obstacle="nowhere")
    ends_at = None
    if identity.channel == "whatsapp":
        ends_at = (identity.last_inbound_at or identity.created_at) + WHATSAPP_WINDOW
    obstacle = "blocked" if identity.blocked_at is not None else None
    if obstacle is None and channels is not None and identity.channel != "web" and identity.channel not in channels:
        obstacle = "unserved"
    return Address(identity, ends_at, obstacle)


async def claim(session: AsyncSession, contact_id: int, holder: Holder, instead_of: str = "") -> str | None:
    """Take a conversation for `HOLD`; who has it already has it anew.

    Args:
        session: a transaction.
        contact_id: the person.
        holder: who takes it.
        instead_of: from whom it is taken knowingly, as `name_holder` names them.

    Returns:
        Whom it was taken from, as `name_holder` names them, or None.

    Raises:
        HeldByOther: somebody else has it, and it was not to be taken from them.
        sqlalchemy.exc.NoResultFound: there is no such person.
    """
    contact = await lock_contact(session, contact_id)
    before = name_holder(contact)
    until = utc_now() + HOLD
    if await hold(session, contact_id, holder.name[:_NAME_CHARS], until, holder.staff_id):
        return None
    if before != instead_of:
        raise HeldByOther(contact.held_by or "?")
    contact.held_by, contact.held_by_id, contact.held_until = holder.name[:_NAME_CHARS], holder.staff_id, until
    return before


async def lock_contact(session: AsyncSession, contact_id: int) -> Contact:
    """A person's row as it is now, to be changed by nobody else until the transaction ends.

    Raises:
        sqlalchemy.exc.NoResultFound: there is no such person.
    """
    return await session.get_one(Contact, contact_id, with_for_update=True, populate_existing=True)


async def lock_held(session: AsyncSession, contact_id: int, staff_id: int) -> Contact:
    """The row of a person whose conversation a member of staff has.

    Raises:
        HeldByOther: somebody else has it.
        NotHeld: nobody has it.
        sqlalchemy.exc.NoResultFound: there is no such person.
    """
    contact = await lock_contact(session, contact_id)
    holder = name_holder(contact)
    if holder is None:
        raise NotHeld("take the conversation first")
    if holder != str(staff_id):
        raise HeldByOther(contact.held_by or "?")
    return contact


async def answer(
    session: AsyncSession,
    contact_id: int,
    staff_id: int,
    text: str,
    *,
    template: str | None = None,
    variety: str | None = None,
    channels: Container[str] | None = None,
) -> Message:
    """Write to a person whose conversation one has, and have it for `HOLD` from now.

    Args:
        session: a transaction.
        contact_id: the person.
        staff_id: who writes.
        text: what; with a template the one line that it takes.
        template: the approved template of WhatsApp that carries the text outside of its window.
        variety: what the text is written in; None: what the person is answered in.
        channels: the channels that are served besides the web page.

    Raises:
        HeldByOther, NotHeld: the conversation is not theirs.
        NotTaken: the channel would not take it.
        sqlalchemy.exc.NoResultFound: there is no such person.
    """
    contact = await lock_held(session, contact_id, staff_id)
    message = await send_text(
        session, contact, text, staff_id=staff_id, template=template, variety=variety, channels=channels
    )
    contact.held_until = utc_now() + HOLD
    return message


async def send_text(
    session: AsyncSession,
    contact: Contact,
    text: str,
    *,
    staff_id: int | None = None,
    template: str | None = None,
    variety: str | None = None,
    channels: Container[str] | None = None,
) -> Message:
    """Queue what a member of staff wrote, for the outbox; the web page fetches it by itself.

    Raises:
        NotTaken: the channel would not take it.
    """
    address = await find_address(session, contact, channels)
    if address.obstacle is not None or address.identity is None:
        raise NotTaken(address.obstacle or "nowhere")
    if template is None and not address.takes_text:
        raise NotTaken("window")
    identity = address.identity
    message = Message(
        contact_id=contact.id,
        identity_id=identity.id,
        direction="out",
        channel=identity.channel,
        state="queued" if identity.channel != "web" else "sent",
        text=text,
        variety=variety or contact.chosen_variety or contact.variety,
        answer_key=None,
        template=template,
        staff_id=staff_id,
    )
    await add_sent(session, [message], is_staff=True)
    return message
