"""Messages to many: a campaign, who gets it, who of the staff tries it, and channels that asked us to wait."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.clock import utc_now
from bot.db.base import Base


class Campaign(Base):
    """A message to many people who agreed to it.

    ``draft`` while it is written; ``scheduled`` once somebody released it; ``sending`` from its time on, first fixing
    who gets it, then handing them to the outbox at the channels' pace; ``paused``; ``stopped`` for good; ``done``.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint("state IN ('draft', 'scheduled', 'sending', 'paused', 'stopped', 'done')", name="state"),
        CheckConstraint("purpose IN ('cohorts', 'events', 'publications', 'application')", name="purpose"),
        Index(
            "ix_campaigns_running",
            "id",
            sqlite_where=text("state IN ('scheduled', 'sending')"),
            postgresql_where=text("state IN ('scheduled', 'sending')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: For the staff; nobody else sees it.
    title: Mapped[str] = mapped_column(String(120))
    #: What people agreed to: news on a topic, or being written to about their application.
    purpose: Mapped[str] = mapped_column(String(16))
    #: What narrows it, by name; see `bot.campaigns.segments.Segment`.
    segment: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: The text by variety.
    texts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: For a variety without a text: the variety whose text its people get, or ``none``, and they get nothing.
    fallbacks: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(16), default="draft")
    #: Raised by each change of what is said or to whom, so that a release is of what was looked at.
    version: Mapped[int] = mapped_column(default=1)
    #: Whether it is sent in the quiet hours too.
    ignores_quiet: Mapped[bool] = mapped_column(default=False)
    #: When the sending begins; null: at once when it is released.
    starts_at: Mapped[datetime | None]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("staff_members.id"))
    #: Who changed the text or the segment last.
    changed_by_id: Mapped[int] = mapped_column(ForeignKey("staff_members.id"))
    released_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    changed_at: Mapped[datetime] = mapped_column(default=utc_now)
    released_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    #: Up to which contact people were fixed as recipients; that goes on by parts, so that nobody's answer waits for it.
    gathered_upto: Mapped[int] = mapped_column(default=0)
    is_gathered: Mapped[bool] = mapped_column(default=False)


class CampaignRecipient(Base):
    """That a person gets a campaign: ``waiting``, ``queued`` once it is a message of the outbox, or ``skipped``."""

    __tablename__ = "campaign_recipients"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'queued', 'skipped')", name="state"),
        # One person gets one campaign once.
        Index(
            "uq_campaign_recipients_person",
            "campaign_id",
            "contact_id",
            unique=True,
            sqlite_where=text("NOT is_test"),
            postgresql_where=text("NOT is_test"),
        ),
        Index(
            "ix_campaign_recipients_waiting",
            "campaign_id",
            "id",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_campaign_recipients_tests",
            "id",
            sqlite_where=text("state = 'waiting' AND is_test"),
            postgresql_where=text("state = 'waiting' AND is_test"),
        ),
        # The figures of a campaign, without reading its rows.
        Index(
            "ix_campaign_recipients_figures",
            "campaign_id",
            "is_test",
            "state",
            "outcome",
            "channel",
            "replied_at",
            "stopped_at",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    #: A test of a member of staff to themselves: the same way, counted apart.
    is_test: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    #: Why it was skipped, a code.
    outcome: Mapped[str | None] = mapped_column(String(16))
    #: The address of a test; else the way is chosen when its turn comes, and stands here then.
    identity_id: Mapped[int | None] = mapped_column(ForeignKey("identities.id"))
    channel: Mapped[str | None] = mapped_column(String(16))
    #: Of which variety the text is.
    variety: Mapped[str | None] = mapped_column(String(8))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"), index=True)
    #: Not before: a member of staff has the conversation.
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    handled_at: Mapped[datetime | None]
    #: When the person wrote first after it, and when they said STOP, within `bot.db.campaigns.ATTRIBUTED`.
    replied_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]


class CampaignTester(Base):
    """That a conversation is that of a member of staff, who showed it by a code: tests may go there."""

    __tablename__ = "campaign_testers"

    member_id: Mapped[int] = mapped_column(ForeignKey("staff_members.id"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True, index=True)
    linked_at: Mapped[datetime] = mapped_column(default=utc_now)


class ChannelPause(Base):
    """Until when a channel asked us to send less: campaigns wait for it, in every process."""

    __tablename__ = "channel_pauses"

    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    until: Mapped[datetime]
