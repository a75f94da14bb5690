"""What staff add to conversations: tags, notes, ready answers, and the index by which they search."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bot.clock import utc_now
from bot.db.base import Base
from bot.db.terms import Terms


class MessageTerms(Base):
    """What the text of one message is found by (`bot.spelling`); written and erased with it by `bot.db.log`.

    On SQLite triggers keep the FTS5 table ``message_search`` in step with this one; on PostgreSQL the column is a
    ``tsvector``.
    """

    __tablename__ = "message_terms"
    __table_args__ = (Index("ix_message_terms_words", "words", postgresql_using="gin").ddl_if(dialect="postgresql"),)

    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"), primary_key=True, autoincrement=False)
    words: Mapped[str] = mapped_column(Terms)


class Tag(Base):
    """A word that staff sort conversations by."""

    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(48), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class ContactTag(Base):
    """That a conversation has a tag."""

    __tablename__ = "contact_tags"

    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id"), primary_key=True, index=True)
    added_at: Mapped[datetime] = mapped_column(default=utc_now)


class CannedAnswer(Base):
    """A text that a member of staff keeps for questions that come again."""

    __tablename__ = "canned_answers"
    __table_args__ = (UniqueConstraint("staff_id", "title"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_members.id"))
    title: Mapped[str] = mapped_column(String(60))
    text: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Note(Base):
    """What a member of staff noted about a person, for colleagues. It is personal data of the person."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    #: Who wrote it: the name as it was then, and the number of the account where there is one.
    author: Mapped[str] = mapped_column(String(64))
    staff_id: Mapped[int | None]
    text: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
