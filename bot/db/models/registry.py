"""Models of the language: which there are, which one is live since when, and the work that is done on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.clock import utc_now
from bot.db.base import Base


class ModelVersion(Base):
    """A trained model. Its file lies in ``var/models``; the row stays when the file is dropped."""

    __tablename__ = "model_versions"
    __table_args__ = (CheckConstraint("origin IN ('start', 'console', 'terminal')", name="origin"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: A hash of all that it was made from, 16 hexadecimal digits: the name of the file.
    digest: Mapped[str] = mapped_column(String(16), unique=True)
    #: A hash of all but examples and look-up tables; it must be the running program's.
    frame: Mapped[str] = mapped_column(String(16))
    #: Trained at a start, in the console, or by ``python -m bot train``.
    origin: Mapped[str] = mapped_column(String(16))
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    trained_at: Mapped[datetime]
    #: Seconds; null: nobody measured.
    train_s: Mapped[float | None]
    #: How many training messages there were, by variety.
    examples: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: What `nlu.evaluate` reports, with ``data``, a hash of what it was measured on; null: not measured.
    figures: Mapped[dict[str, Any] | None]
    dropped_at: Mapped[datetime | None]


class ModelSwitch(Base):
    """That a model was to go live: what is live is the version of the newest one that is done."""

    __tablename__ = "model_switches"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'done', 'failed', 'withdrawn')", name="state"),
        CheckConstraint("origin IN ('start', 'console', 'terminal')", name="origin"),
        # One at a time, whatever the number of processes.
        Index(
            "uq_model_switches_open",
            "state",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))
    #: What was live before.
    from_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"))
    state: Mapped[str] = mapped_column(String(16), default="open")
    origin: Mapped[str] = mapped_column(String(16))
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    #: When a process began to load it.
    begun_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    #: Seconds from the load to the first message that it may answer; null at a start.
    load_s: Mapped[float | None]
    #: Why the model before it stayed.
    error: Mapped[str | None] = mapped_column(Text)


class ModelJob(Base):
    """A training, a comparison or a replay in the background."""

    __tablename__ = "model_jobs"
    __table_args__ = (
        CheckConstraint("kind IN ('train', 'compare', 'replay')", name="kind"),
        CheckConstraint("state IN ('running', 'done', 'failed', 'cancelled', 'interrupted')", name="state"),
        # One at a time, whatever the number of processes: they share the machine with the conversations.
        Index(
            "uq_model_jobs_running",
            "state",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
        Index("ix_model_jobs_version_id_kind_id", "version_id", "kind", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), default="running")
    #: The model that it is about; of a training the one that it made.
    version_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"))
    #: The model that was live, with which it was compared.
    against_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"))
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    #: How many messages a replay reads.
    size: Mapped[int | None]
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    #: The last sign of the process that does it.
    beat_at: Mapped[datetime] = mapped_column(default=utc_now)
    finished_at: Mapped[datetime | None]
    #: What it is at, a key of ``models.stage`` in the console's words, and the part of Rasa at work, if any.
    stage: Mapped[str] = mapped_column(String(32), default="beginning")
    detail: Mapped[str | None] = mapped_column(String(64))
    #: How much of the stage is done, in messages; null where nobody can count.
    done: Mapped[int | None]
    total: Mapped[int | None]
    #: Seconds that the last one of the kind took.
    expected_s: Mapped[float | None]
    is_cancelled: Mapped[bool] = mapped_column(default=False)
    #: A key of ``models.failed``, and the last lines that say something of the output.
    error: Mapped[str | None] = mapped_column(String(32))
    output: Mapped[str | None] = mapped_column(Text)
    result: Mapped[dict[str, Any] | None]


class ModelServer(Base):
    """A process of the app that started a Rasa of its own, and the model that this one answers with."""

    __tablename__ = "model_servers"

    #: Host and port of the app.
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    digest: Mapped[str | None] = mapped_column(String(16))
    #: The frame of the program that runs: only models with the same one can go live in it.
    frame: Mapped[str] = mapped_column(String(16))
    #: Why it does not answer with the live model.
    error: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    beat_at: Mapped[datetime] = mapped_column(default=utc_now)


class ReplayedMessage(Base):
    """A message of a person that another model would understand otherwise. It is personal data of the person."""

    __tablename__ = "replayed_messages"
    __table_args__ = (Index("ix_replayed_messages_job_id_id", "job_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("model_jobs.id"))
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"), index=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    #: The topics by the live model and by the other one, joined by commas where a message asks for several.
    before: Mapped[str] = mapped_column(String(200))
    after: Mapped[str] = mapped_column(String(200))
    #: The probabilities of the first topic, shares of 1.
    before_confidence: Mapped[float]
    after_confidence: Mapped[float]
    #: ``topic``: another answer; ``entities``: the same topic, other details.
    change: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
