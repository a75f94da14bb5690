"""What staff teach the assistant: messages worth a look, in groups that say the same, and how they were labelled."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.clock import utc_now
from bot.db.base import Base


class CandidateGroup(Base):
    """Messages that say the same, to be labelled at once; most are groups of one.

    States: ``open`` until somebody labels it; ``second`` while a second look by somebody else is wanted; ``disputed``
    when two looks differ; ``agreed`` when it can be exported; ``exported``.
    """

    __tablename__ = "candidate_groups"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'second', 'disputed', 'agreed', 'exported')", name="state"),
        # The queue: what weighs most first, page by page by key.
        Index("ix_candidate_groups_state_weight_id", "state", "weight", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: A digest of what all its messages say (`bot.annotation.grouping`); of one that was taken out, its own.
    key: Mapped[str] = mapped_column(String(48), unique=True)
    state: Mapped[str] = mapped_column(String(8), default="open")
    #: The sum of the weights of its messages (`bot.annotation.reasons`), and how many there are.
    weight: Mapped[int]
    size: Mapped[int]
    #: The message whose text and understanding stand for all; null when its person was erased after the export.
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    #: The annotation that counts, once it is agreed; no foreign key: annotations point here.
    agreed_id: Mapped[int | None]
    exported_at: Mapped[datetime | None]
    #: Where its example stands and how it is written there; null when the same was there already.
    exported_file: Mapped[str | None] = mapped_column(String(64))
    exported_line: Mapped[str | None]


class Candidate(Base):
    """That a message is worth a look, and why."""

    __tablename__ = "candidates"

    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"), primary_key=True, autoincrement=False)
    group_id: Mapped[int] = mapped_column(ForeignKey("candidate_groups.id"), index=True)
    #: Names of `bot.annotation.reasons.WEIGHTS`.
    reasons: Mapped[list[Any]]
    weight: Mapped[int]
    #: The message with made-up values in place of personal ones, and the entities that the machine found in it.
    text: Mapped[str]
    marks: Mapped[list[Any]] = mapped_column(default=list)
    noted_at: Mapped[datetime] = mapped_column(default=utc_now)


class Annotation(Base):
    """What one member of staff says that a group's messages mean; kept also when it does not count any more."""

    __tablename__ = "annotations"
    __table_args__ = (
        # One that counts of each member, and beside it at most one that settles a disagreement.
        Index(
            "uq_annotations_group_id_staff_id",
            "group_id",
            "staff_id",
            "settles",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        # The last one of a member, to be undone; whom two members have in common.
        Index("ix_annotations_staff_id_id", "staff_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("candidate_groups.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_members.id"))
    #: The message whose text it was; null when its person was erased after the export.
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"), index=True)
    #: ``out_of_scope`` is what is not for us; null: this member skipped it.
    intent: Mapped[str | None] = mapped_column(String(64))
    #: What the example is made of: the text with made-up values, and the entities in it.
    text: Mapped[str]
    marks: Mapped[list[Any]] = mapped_column(default=list)
    variety: Mapped[str] = mapped_column(String(8))
    #: It was said knowing what others had said, to end a disagreement.
    settles: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    #: Undone, or replaced by a later one of the same member.
    ended_at: Mapped[datetime | None]


class Gathering(Base):
    """How far the log has been looked through for candidates; one row."""

    __tablename__ = "gathering"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Null before the first look.
    last_message_id: Mapped[int | None]
