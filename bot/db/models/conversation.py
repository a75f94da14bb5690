"""People, their messages, and what was understood and looked up.

States are short words in plain text columns with a check constraint: readable in any database tool, and a new one is
a one-line migration.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from bot.clock import utc_now
from bot.db.base import Base

_FACETS = ("contact_id", "direction", "channel", "state", "variety", "intent", "confidence", "created_at")


class Contact(Base):
    """A person, whatever channels they write on."""

    __tablename__ = "contacts"
    __table_args__ = (
        # The list of conversations, newest first; those that nobody read; who waits longest first.
        Index("ix_contacts_last_message_id", "last_message_id"),
        Index(
            "ix_contacts_unread",
            "last_message_id",
            sqlite_where=text("unread > 0"),
            postgresql_where=text("unread > 0"),
        ),
        Index(
            "ix_contacts_waiting_since",
            "waiting_since",
            "id",
            sqlite_where=text("waiting_since IS NOT NULL"),
            postgresql_where=text("waiting_since IS NOT NULL"),
        ),
        Index(
            "ix_contacts_held_until",
            "held_until",
            sqlite_where=text("held_until IS NOT NULL"),
            postgresql_where=text("held_until IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Variety of the last clear message; the prior for short ones ("ok", "1").
    variety: Mapped[str] = mapped_column(String(8), default="fr")
    #: Variety that the person asked for; holds until they ask for another or for none.
    chosen_variety: Mapped[str | None] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    #: Set when the person asked for no more messages of our own accord; replies go on.
    unsubscribed_at: Mapped[datetime | None]
    #: The member of staff who has the conversation, and until when: as long as that the bot is silent.
    held_by: Mapped[str | None] = mapped_column(String(64))
    #: Their account; null when they took it in the terminal.
    held_by_id: Mapped[int | None]
    held_until: Mapped[datetime | None]
    #: Set when everything about the person was erased; the row and the address go once the receipt is sent.
    erased_at: Mapped[datetime | None]
    #: The receipt, until then.
    erasure_reference: Mapped[str | None] = mapped_column(String(16))
    #: What lists of conversations show and are ordered by; `bot.db.log` alone keeps it in step with the messages. The
    #: ids have no foreign key: messages point here, and rows that point at each other can't be made or erased in order.
    last_message_id: Mapped[int | None]
    last_message_at: Mapped[datetime | None]
    last_inbound_id: Mapped[int | None]
    #: Messages of the person since a member of staff read the conversation last.
    unread: Mapped[int] = mapped_column(default=0, server_default="0")
    read_by_staff_at: Mapped[datetime | None]
    #: Since when the person waits for an answer by a member of staff.
    waiting_since: Mapped[datetime | None]

    identities: Mapped[list[Identity]] = relationship(back_populates="contact")


class Identity(Base):
    """A contact's address on one channel."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("channel", "address"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    channel: Mapped[str] = mapped_column(String(16))
    #: Telegram chat id, ``whatsapp:+…`` number, or the web page's random sender.
    address: Mapped[str] = mapped_column(String(128))
    profile: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    #: Start of WhatsApp's 24-hour window, in which free text may be sent.
    last_inbound_at: Mapped[datetime | None]
    #: Set when the provider says that the person blocked us; cleared when they write again.
    blocked_at: Mapped[datetime | None]

    contact: Mapped[Contact] = relationship(back_populates="identities")


class Session(Base):
    """A stretch of conversation that Rasa remembers; bounded in turns, ended by idle time."""

    __tablename__ = "sessions"
    __table_args__ = (UniqueConstraint("contact_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    number: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_turn_at: Mapped[datetime] = mapped_column(default=utc_now)
    turns: Mapped[int] = mapped_column(default=0)

    @property
    def rasa_sender(self) -> str:
        """Rasa's sender id for this session."""
        return f"{self.contact_id}.{self.number}"


class Message(Base):
    """One message in or out: the log that staff read, and the queue that guarantees delivery.

    Inbound: ``received`` until its replies are stored, then ``answered``, or ``failed`` (the person got an apology).
    Outbound: ``queued`` until the provider took it, then ``sent``,
    ``delivered``, ``read``; ``failed`` after the last attempt; ``undeliverable`` when the person blocked us.
    """

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint("direction IN ('in', 'out')", name="direction"),
        CheckConstraint(
            "(direction = 'in' AND state IN ('received', 'answered', 'failed')) OR (direction = 'out' "
            "AND state IN ('queued', 'sent', 'delivered', 'read', 'failed', 'undeliverable'))",
            name="state",
        ),
        # A provider's redelivery of the same message stops here.
        Index(
            "uq_messages_inbound_external_id",
            "channel",
            "external_id",
            unique=True,
            sqlite_where=text("direction = 'in'"),
            postgresql_where=text("direction = 'in'"),
        ),
        # Delivery reports find their message by the provider's id.
        Index(
            "ix_messages_outbound_external_id",
            "external_id",
            sqlite_where=text("direction = 'out'"),
            postgresql_where=text("direction = 'out'"),
        ),
        # The work still to do; stays tiny however long the log grows.
        Index(
            "ix_messages_unfinished",
            "contact_id",
            "id",
            sqlite_where=text("state IN ('received', 'queued')"),
            postgresql_where=text("state IN ('received', 'queued')"),
        ),
        # What staff filter by, so that no list has to read whole messages to find few of them: in the order of the log,
        # by topic, and of one person.
        Index("ix_messages_facets", "id", *_FACETS),
        Index("ix_messages_intent_facets", "intent", "id", *(name for name in _FACETS if name != "intent")),
        Index("ix_messages_contact_facets", "contact_id", "id", *(name for name in _FACETS if name != "contact_id")),
        # The figures of a campaign, without reading its messages; and what of it waits to be sent.
        Index(
            "ix_messages_campaign",
            "campaign_id",
            "channel",
            "state",
            "id",
            sqlite_where=text("campaign_id IS NOT NULL"),
            postgresql_where=text("campaign_id IS NOT NULL"),
        ),
        # Days to ids.
        Index("ix_messages_created_at", "created_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    identity_id: Mapped[int] = mapped_column(ForeignKey("identities.id"))
    session_id: Mapped[int | None] = mapped_column(ForeignKey("sessions.id"))
    #: For an outbound message, the inbound one that it answers.
    reply_to_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"), index=True)
    direction: Mapped[str] = mapped_column(String(3))
    channel: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    #: Inbound: the provider's delivery id. Outbound: the id that the provider gave on sending (several joined by
    #: commas when a long text was split).
    external_id: Mapped[str | None] = mapped_column(String(256))
    text: Mapped[str] = mapped_column(default="")
    payload: Mapped[str | None] = mapped_column(String(256))
    attachments: Mapped[list[Any]] = mapped_column(default=list)
    buttons: Mapped[list[Any]] = mapped_column(default=list)
    #: Outbound, of an answer longer than a screen: text, sources and buttons of what its button for more shows.
    rest: Mapped[dict[str, Any] | None]
    #: Outbound, of a question with something said before it: the character that the question itself begins with.
    question_at: Mapped[int | None]
    #: Outbound on WhatsApp, outside of its window: the approved template that carries the text (a Content SID).
    template: Mapped[str | None] = mapped_column(String(64))
    #: Outbound: the key of the answer that was rendered.
    answer_key: Mapped[str | None] = mapped_column(String(64))
    #: Outbound: the account of the member of staff who wrote it.
    staff_id: Mapped[int | None]
    #: Outbound: the campaign that it belongs to; everything else is sent before it.
    campaign_id: Mapped[int | None]
    variety: Mapped[str | None] = mapped_column(String(8))
    intent: Mapped[str | None] = mapped_column(String(64))
    confidence: Mapped[float | None]
    ranking: Mapped[list[Any]] = mapped_column(default=list)
    entities: Mapped[list[Any]] = mapped_column(default=list)
    #: Milliseconds by step of the turn: ``wait``, ``rasa``, ``total``.
    timings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    #: Inbound: when the replies were stored. Outbound: when the provider took it.
    finished_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]


class Interaction(Base):
    """One run of a custom action: what was asked of the database and what it found. Reports are made from these."""

    __tablename__ = "interactions"

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"), index=True)
    #: The inbound message that led to it; null when Rasa was driven by something other than the app.
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"), index=True)
    action: Mapped[str] = mapped_column(String(64), index=True)
    intent: Mapped[str | None] = mapped_column(String(64))
    entities: Mapped[list[Any]] = mapped_column(default=list)
    #: The conditions of the look-up, by name, e.g. {"city": "rabat", "stage": "idea"}.
    lookup: Mapped[dict[str, Any]] = mapped_column(default=dict)
    rows_found: Mapped[int | None]
    #: What the answer showed, by kind: ``{"programmes": [slugs], "events": [slugs], "wanted": {"city": …}}``.
    shown: Mapped[dict[str, Any] | None]
    #: The answer key, or ``error`` when the action failed.
    outcome: Mapped[str] = mapped_column(String(64))
    #: Of what changed something: the whole answer, to be given again if the message is tried again.
    answer: Mapped[dict[str, Any] | None]
    error: Mapped[str | None]
    duration_ms: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


class Subscription(Base):
    """A contact's wish to be told of news on a topic (``cohorts``, ``events``, ``publications``).

    `wishes` narrow it: ``[{"city": "rabat"}, {"track": "data"}]`` is what is in Rabat, and what is about data; none is
    everything.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (UniqueConstraint("contact_id", "topic"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    topic: Mapped[str] = mapped_column(String(32))
    wishes: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]
