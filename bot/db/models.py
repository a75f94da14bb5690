"""The tables, in two halves: the conversation (people, messages, what was understood and looked up) and the content
(facts, trainings, programmes, events, publications).

States are short words in plain text columns with a check constraint: readable in any database tool, and a new one is
a one-line migration.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from bot.db.base import Base, utc_now

# --- people and conversations ---------------------------------------------------------------------------------------


class Contact(Base):
    """A person, whatever channels they write on."""

    __tablename__ = "contacts"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Variety of the last clear message; the prior for short ones ("ok", "1").
    variety: Mapped[str] = mapped_column(String(8), default="fr")
    #: Variety that the person asked for; holds until they ask for another or for none.
    chosen_variety: Mapped[str | None] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    #: Set when the person asked for no more messages of our own accord; replies go on.
    unsubscribed_at: Mapped[datetime | None]

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
        Index("ix_messages_contact_id_id", "contact_id", "id"),
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
    #: Outbound: the key of the answer that was rendered.
    answer_key: Mapped[str | None] = mapped_column(String(64))
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
    #: The answer key, or ``error`` when the action failed.
    outcome: Mapped[str] = mapped_column(String(64))
    error: Mapped[str | None]
    duration_ms: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


class StaffRequest(Base):
    """Something that a person asked of the team, for a member of staff to take up.

    Kinds: ``human`` (wants to talk to somebody) and ``personal_data`` (export, correction or erasure, law 09-08).
    """

    __tablename__ = "staff_requests"

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"))
    kind: Mapped[str] = mapped_column(String(32))
    opened_at: Mapped[datetime] = mapped_column(default=utc_now)
    closed_at: Mapped[datetime | None]


class Subscription(Base):
    """A contact's wish to be told of news on a topic (``cohorts``, ``events``, ``publications``)."""

    __tablename__ = "subscriptions"
    __table_args__ = (UniqueConstraint("contact_id", "topic"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    topic: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]


# --- content --------------------------------------------------------------------------------------------------------


class Seeded:
    """Columns of a row that the product ships with and that staff may change.

    `seed_hash` is the hash of the shipped values at the last seeding; a row whose values differ from it was edited by
    staff, and seeding leaves it alone.
    """

    #: Stable name, used in payloads, seed files and addresses: lower-case ASCII with hyphens, at most 32 characters.
    slug: Mapped[str] = mapped_column(String(32), primary_key=True)
    seed_hash: Mapped[str | None] = mapped_column(String(64))


class Fact(Seeded, Base):
    """One sourced statement. Texts show its values and its source by `slug` (``jit-006``)."""

    __tablename__ = "facts"

    topic: Mapped[str] = mapped_column(String(32), index=True)
    statement_fr: Mapped[str]
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: Name of who published it, short: "Le360", "MAP / allAfrica".
    publisher: Mapped[str] = mapped_column(String(120))
    source_title: Mapped[str]
    #: Null when the source is not a public address: then it is background and is never shown as a link.
    source_url: Mapped[str | None]
    #: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; null when the source is not dated.
    as_of: Mapped[str | None] = mapped_column(String(10))
    as_of_note: Mapped[str | None]
    confidence: Mapped[str] = mapped_column(String(8))


class City(Seeded, Base):
    """A town, with its region and place on the map (WGS 84 degrees), to name the nearest one to a shared location."""

    __tablename__ = "cities"

    name: Mapped[str] = mapped_column(String(64))
    region: Mapped[str] = mapped_column(String(64), index=True)
    latitude: Mapped[float]
    longitude: Mapped[float]


class Operator(Seeded, Base):
    """A school, company or body that runs trainings or programmes."""

    __tablename__ = "operators"

    name: Mapped[str] = mapped_column(String(120))
    website: Mapped[str | None]


class Track(Seeded, Base):
    """A field of JobInTech training."""

    __tablename__ = "tracks"

    name: Mapped[str] = mapped_column(String(120))
    #: Text by variety, what it is about in a sentence or two.
    summary: Mapped[dict[str, Any]] = mapped_column(default=dict)
    fact_slugs: Mapped[list[Any]] = mapped_column(default=list)
    rank: Mapped[int] = mapped_column(default=100)


class Cohort(Seeded, Base):
    """One announced or past class: a training at an operator, in a city, with the dates as far as they are known."""

    __tablename__ = "cohorts"

    track_slug: Mapped[str] = mapped_column(ForeignKey("tracks.slug"), index=True)
    operator_slug: Mapped[str | None] = mapped_column(ForeignKey("operators.slug"))
    city_slug: Mapped[str | None] = mapped_column(ForeignKey("cities.slug"), index=True)
    title: Mapped[str] = mapped_column(String(160))
    #: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``, as precise as the source.
    starts_on: Mapped[str | None] = mapped_column(String(10))
    ends_on: Mapped[str | None] = mapped_column(String(10))
    #: First and last day on which the class may run by those dates, for queries; null when unknown.
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    duration_months: Mapped[float | None]
    fact_slug: Mapped[str] = mapped_column(String(32))

    track: Mapped[Track] = relationship()
    operator: Mapped[Operator | None] = relationship()
    city: Mapped[City | None] = relationship()


class Programme(Seeded, Base):
    """A support programme for founders: incubator, accelerator, fund, loan, network or place to work."""

    __tablename__ = "programmes"

    name: Mapped[str] = mapped_column(String(120))
    #: incubator, accelerator, fund, loan, grant, network, training, coworking, label
    kind: Mapped[str] = mapped_column(String(16), index=True)
    operator_slug: Mapped[str | None] = mapped_column(ForeignKey("operators.slug"))
    #: City slugs; an empty list means the whole country or not tied to a place.
    city_slugs: Mapped[list[Any]] = mapped_column(default=list)
    #: idea, prototype, seed, growth, sme; empty when the sources do not say.
    stages: Mapped[list[Any]] = mapped_column(default=list)
    #: Sector codes; empty means all or not said.
    sectors: Mapped[list[Any]] = mapped_column(default=list)
    #: What it offers: money, place, mentoring, training, network.
    offers: Mapped[list[Any]] = mapped_column(default=list)
    takes_equity: Mapped[bool | None]
    amount_min_dh: Mapped[int | None]
    amount_max_dh: Mapped[int | None]
    duration_months: Mapped[float | None]
    #: Text by variety, two sentences at most.
    summary: Mapped[dict[str, Any]] = mapped_column(default=dict)
    website: Mapped[str | None]
    #: running: named as active by its sources; uncertain: old or temporary, to be checked; ended: no longer runs.
    status: Mapped[str] = mapped_column(String(16), default="running")
    fact_slugs: Mapped[list[Any]] = mapped_column(default=list)
    rank: Mapped[int] = mapped_column(default=100)

    operator: Mapped[Operator | None] = relationship()


class Event(Seeded, Base):
    """A known event; its next date is null until somebody announces it."""

    __tablename__ = "events"

    name: Mapped[str] = mapped_column(String(120))
    organiser: Mapped[str | None] = mapped_column(String(120))
    city_slug: Mapped[str | None] = mapped_column(ForeignKey("cities.slug"), index=True)
    topics: Mapped[list[Any]] = mapped_column(default=list)
    summary: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: 1 to 12; when it usually takes place.
    usual_month: Mapped[int | None]
    #: confirmed: the next dates were announced; to_confirm: expected by its rhythm; past: no further edition expected.
    status: Mapped[str] = mapped_column(String(16))
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    #: The last edition known to have been held or announced.
    last_starts_on: Mapped[str | None] = mapped_column(String(10))
    last_ends_on: Mapped[str | None] = mapped_column(String(10))
    website: Mapped[str | None]
    fact_slugs: Mapped[list[Any]] = mapped_column(default=list)
    is_demo: Mapped[bool] = mapped_column(default=False)

    city: Mapped[City | None] = relationship()


class Publication(Seeded, Base):
    """An entry of the sector watch: what a named article or report says, with its link and date."""

    __tablename__ = "publications"

    #: Topic codes: strategy, ai, funding, jobs, training, startups, egovernment, outsourcing.
    topics: Mapped[list[Any]] = mapped_column(default=list)
    #: Text by variety: a one-line title, and a summary of two sentences at most.
    title: Mapped[dict[str, Any]] = mapped_column(default=dict)
    summary: Mapped[dict[str, Any]] = mapped_column(default=dict)
    publisher: Mapped[str] = mapped_column(String(120))
    url: Mapped[str | None]
    published_on: Mapped[str | None] = mapped_column(String(10), index=True)
    fact_slugs: Mapped[list[Any]] = mapped_column(default=list)
