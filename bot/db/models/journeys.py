"""What people get done: drafts of journeys, consents, applications, and requests to the team."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from bot.clock import utc_now
from bot.db.base import Base
from bot.spelling import split_words

#: What `Application.name_words` keeps.
NAME_WORDS_CHARS = 160


class Draft(Base):
    """A journey of one person, with the answers given so far.

    ``asking``: its question is the last thing we said and the next message may answer it (one at most a person);
    ``paused``: left for something else, to be resumed; ``done``; ``cancelled``.
    """

    __tablename__ = "drafts"
    __table_args__ = (
        CheckConstraint("state IN ('asking', 'paused', 'done', 'cancelled')", name="state"),
        Index(
            "uq_drafts_asking",
            "contact_id",
            unique=True,
            sqlite_where=text("state = 'asking'"),
            postgresql_where=text("state = 'asking'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    #: Name of the journey in `bot.journeys`.
    journey: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16), default="asking")
    #: The field that was asked last.
    asking: Mapped[str | None] = mapped_column(String(32))
    #: Answers by field; only strings.
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: How many times in a row the asked field got something that is no answer to it.
    misses: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
    #: The journey in the middle of which this one was begun; it goes on afterwards.
    returns_to_id: Mapped[int | None] = mapped_column(ForeignKey("drafts.id"))
    #: When the person who had left it was asked whether to go on; once is enough.
    offered_at: Mapped[datetime | None]


class Consent(Base):
    """One line of a person's consent ledger (law 09-08, article 4): what was asked, and the answer. Never changed."""

    __tablename__ = "consents"

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    #: ``application`` (treat and pass on an application) or ``contact`` (be written to about it).
    purpose: Mapped[str] = mapped_column(String(32))
    is_given: Mapped[bool]
    #: The question as it was put.
    wording: Mapped[str]
    channel: Mapped[str] = mapped_column(String(16))
    given_at: Mapped[datetime] = mapped_column(default=utc_now)


class Application(Base):
    """A pre-registration for JobInTech. One person has one live application.

    ``received`` → ``checking`` → ``invited`` (to an interview or test) → ``accepted`` or ``refused``; ``incomplete``
    while something is missing; ``withdrawn`` by the person.
    """

    __tablename__ = "applications"
    __table_args__ = (
        CheckConstraint(
            "state IN ('received', 'incomplete', 'checking', 'invited', 'accepted', 'refused', 'withdrawn')",
            name="state",
        ),
        Index(
            "uq_applications_live",
            "contact_id",
            unique=True,
            sqlite_where=text("state NOT IN ('refused', 'withdrawn')"),
            postgresql_where=text("state NOT IN ('refused', 'withdrawn')"),
        ),
        Index("ix_applications_state_id", "state", "id"),
        Index("ix_applications_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    state: Mapped[str] = mapped_column(String(16), default="received")
    full_name: Mapped[str] = mapped_column(String(120))
    #: E.164
    phone: Mapped[str] = mapped_column(String(20), index=True)
    #: None: the person said that they have none.
    email: Mapped[str | None] = mapped_column(String(254), index=True)
    city_slug: Mapped[str] = mapped_column(String(32))
    diploma: Mapped[str] = mapped_column(String(16))
    situation: Mapped[str] = mapped_column(String(16))
    #: Slug of a track, or ``undecided``.
    track_slug: Mapped[str] = mapped_column(String(32))
    #: What the team keeps in mind about it; the person gets it with a copy of their data.
    note: Mapped[str] = mapped_column(default="", server_default="")
    #: The words of the name as the search compares them: without accents, in one form of each letter.
    name_words: Mapped[str] = mapped_column(String(NAME_WORDS_CHARS), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)

    history: Mapped[list[ApplicationChange]] = relationship(
        back_populates="application", order_by="ApplicationChange.id", cascade="all, delete-orphan"
    )

    @validates("full_name")
    def _keep_name_words(self, _key: str, full_name: str) -> str:
        self.name_words = " ".join(split_words(full_name))[:NAME_WORDS_CHARS]
        return full_name


class ApplicationChange(Base):
    """One line of an application's history: the state that it came to, when, and by whom."""

    __tablename__ = "application_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("applications.id"), index=True)
    state: Mapped[str] = mapped_column(String(16))
    #: ``person``, or the name of a member of staff.
    changed_by: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(default=utc_now)

    application: Mapped[Application] = relationship(back_populates="history")


class StaffRequest(Base):
    """Something that a person asked of the team, for a member of staff to take up.

    Kinds: ``human`` (wants to talk to somebody), ``support`` (a firm wants to be accompanied), ``membership``,
    ``employer``, ``operator``, ``event_proposal``, and ``duplicate`` (two applications of probably one person).
    """

    __tablename__ = "staff_requests"
    __table_args__ = (
        Index(
            "ix_staff_requests_open",
            "opened_at",
            "id",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_staff_requests_closed_at", "closed_at", "id"),
        Index("ix_staff_requests_opened_at", "opened_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: What the person can quote; null for kinds that need none.
    reference: Mapped[str | None] = mapped_column(String(16), unique=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"))
    kind: Mapped[str] = mapped_column(String(32))
    #: The answers of the journey that led to it, by field.
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    opened_at: Mapped[datetime] = mapped_column(default=utc_now)
    closed_at: Mapped[datetime | None]
    #: Who of the team has it in hand, and since when.
    taken_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    taken_at: Mapped[datetime | None]
    #: What came of it: a code that the console has words for; null while open, or when nobody said.
    outcome: Mapped[str | None] = mapped_column(String(16))
    #: What the team keeps in mind about it; the person gets it with a copy of their data.
    note: Mapped[str] = mapped_column(default="", server_default="")


class Erasure(Base):
    """The receipt of an erasure: that it was done, when, and how much. Nothing in it leads to the person."""

    __tablename__ = "erasures"

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    #: Rows that were erased, by table.
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    erased_at: Mapped[datetime] = mapped_column(default=utc_now)


class AccessCode(Base):
    """A short-lived secret that was shown to one person: to link another channel, or to fetch their own data.

    Only its SHA-256 is kept.
    """

    __tablename__ = "access_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    #: ``link`` or ``export``
    purpose: Mapped[str] = mapped_column(String(16))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Registration(Base):
    """A person's place at an event, or in its waiting list.

    ``registered``; ``waiting`` for a place; ``offered`` one, to be confirmed before `offered_until`; ``cancelled`` by
    the person; ``lapsed`` when an offer was not taken in time.
    """

    __tablename__ = "registrations"
    __table_args__ = (
        CheckConstraint("state IN ('registered', 'waiting', 'offered', 'cancelled', 'lapsed')", name="state"),
        Index(
            "uq_registrations_live",
            "contact_id",
            "event_slug",
            unique=True,
            sqlite_where=text("state IN ('registered', 'waiting', 'offered')"),
            postgresql_where=text("state IN ('registered', 'waiting', 'offered')"),
        ),
        Index("ix_registrations_event_slug_state_id", "event_slug", "state", "id"),
        Index("ix_registrations_created_at", "created_at"),
        Index("ix_registrations_came_at", "came_at"),
    )

    #: The waiting list is in the order of the ids.
    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    event_slug: Mapped[str] = mapped_column(ForeignKey("events.slug"))
    state: Mapped[str] = mapped_column(String(16))
    offered_until: Mapped[datetime | None]
    #: When a place went to the next in line since this person could not be told of it; they keep their turn, and are
    #: offered one again once they wrote.
    passed_over_at: Mapped[datetime | None]
    #: When the person was let in at the event.
    came_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)


class Notice(Base):
    """Something to tell a person of our own accord at a time: ``waiting`` until then, ``queued`` once it is a message
    of the outbox, ``dropped`` with the reason when it may not or can't be told."""

    __tablename__ = "notices"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'queued', 'dropped')", name="state"),
        Index(
            "ix_notices_due_at",
            "due_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    #: When the person asked for it, which a STOP said later ends; null: nobody asked, and any STOP holds.
    asked_at: Mapped[datetime | None]
    #: The answer: key, data and choices, rendered when it is due.
    answer: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: Told to many at once: everything else goes first.
    is_news: Mapped[bool] = mapped_column(default=False)
    #: What it is about (``event:<slug>``), so that it can be called off.
    subject: Mapped[str | None] = mapped_column(String(64), index=True)
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    #: Why it was dropped, or by which channel it goes.
    outcome: Mapped[str | None] = mapped_column(String(120))
    #: The message that tells it.
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    handled_at: Mapped[datetime | None]


class Rating(Base):
    """Whether somebody was helped: asked after a journey, at most once a day to the same person."""

    __tablename__ = "ratings"
    __table_args__ = (
        CheckConstraint("value IN ('up', 'down')", name="value"),
        # Days to ratings, for figures.
        Index("ix_ratings_asked_at", "asked_at"),
        Index("ix_ratings_rated_at", "rated_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    #: The answer that the journey ended with.
    answer_key: Mapped[str] = mapped_column(String(64))
    #: Null until the person answers.
    value: Mapped[str | None] = mapped_column(String(8))
    comment: Mapped[str | None]
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    rated_at: Mapped[datetime | None]


class DocumentTick(Base):
    """That a person has a paper ready."""

    __tablename__ = "document_ticks"
    __table_args__ = (UniqueConstraint("contact_id", "document_slug"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    document_slug: Mapped[str] = mapped_column(ForeignKey("application_documents.slug"))
    ticked_at: Mapped[datetime] = mapped_column(default=utc_now)


class Disclosure(Base):
    """That somebody was told that a number or an address has an application, kept past their erasure for a day.

    Nothing names them but a hash of their address on a channel, keyed with the product's secret: whoever tries numbers
    must not begin anew by erasing themselves.
    """

    __tablename__ = "disclosures"
    __table_args__ = (Index("ix_disclosures_who_told_at", "who", "told_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    who: Mapped[str] = mapped_column(String(64))
    told_at: Mapped[datetime]


class Announcement(Base):
    """That subscribers were told of a cohort, an event or a publication: by whom, and how many."""

    __tablename__ = "announcements"
    __table_args__ = (Index("ix_announcements_topic_slug", "topic", "slug"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: ``cohorts``, ``events`` or ``publications``
    topic: Mapped[str] = mapped_column(String(16))
    slug: Mapped[str] = mapped_column(String(32))
    told: Mapped[int]
    announced_by: Mapped[str] = mapped_column(String(64))
    announced_at: Mapped[datetime] = mapped_column(default=utc_now)
