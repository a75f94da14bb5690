"""What staff changed in the content: the texts in force, every version that there was, and a number that says "new"."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from bot.clock import utc_now
from bot.db.base import Base


class AnswerText(Base):
    """A text that staff wrote in place of the shipped one; deleting the row brings that back."""

    __tablename__ = "answer_texts"

    #: A key of bot/content/answers.yml.
    key: Mapped[str] = mapped_column(String(48), primary_key=True)
    variety: Mapped[str] = mapped_column(String(8), primary_key=True)
    text: Mapped[str] = mapped_column(Text)


class ContentState(Base):
    """The one row about the content as a whole.

    Whoever changes a text raises `version` in the same transaction: the row's lock puts changes in an order, so a
    process that sees the same number has seen them all.
    """

    __tablename__ = "content_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    version: Mapped[int] = mapped_column(default=0)
    #: From which age on, in months, a fact that an answer cites is called old.
    stale_after_months: Mapped[int] = mapped_column(default=12)


class ContentRevision(Base):
    """One change of one text or one row, with what was before and after; null: it was not there, or as it ships."""

    __tablename__ = "content_revisions"
    __table_args__ = (Index("ix_content_revisions_kind_key_id", "kind", "key", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: ``answers``, or the name of a table.
    kind: Mapped[str] = mapped_column(String(32))
    #: The answer's key with its variety, ``utter_greet/fr``, or the row's slug.
    key: Mapped[str] = mapped_column(String(64))
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    #: The revision whose version this change brought back.
    restored_id: Mapped[int | None] = mapped_column(ForeignKey("content_revisions.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("staff_members.id"))
    changed_at: Mapped[datetime] = mapped_column(default=utc_now)
