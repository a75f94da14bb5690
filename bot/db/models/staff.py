"""Who works in the console: members, their sessions and invitations, tries to sign in, and what was done.

Of every secret that somebody holds (a session's cookie, an invitation's link, a recovery code) only a hash is kept.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from bot.clock import utc_now
from bot.db.base import Base


class StaffMember(Base):
    """A member of staff. Nobody is deleted, since the audit log names them: who leaves is disabled."""

    __tablename__ = "staff_members"
    __table_args__ = (
        CheckConstraint("role IN ('administrator', 'adviser', 'editor', 'analyst')", name="role"),
        CheckConstraint("language IN ('fr', 'ar', 'en')", name="language"),
        CheckConstraint("email = lower(email)", name="email"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Empty until the invitation is accepted.
    name: Mapped[str] = mapped_column(String(120), default="")
    email: Mapped[str] = mapped_column(String(254), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    language: Mapped[str] = mapped_column(String(2), default="fr")
    #: argon2id in its PHC string; null until the invitation is accepted.
    password_hash: Mapped[str | None] = mapped_column(String(255))
    #: Base32; null: no second factor.
    totp_secret: Mapped[str | None] = mapped_column(String(64))
    #: The 30-second step (RFC 6238) of the last code that was taken; it and older ones are refused.
    totp_last_step: Mapped[int | None]
    #: SHA-256 of the recovery codes that are left.
    recovery_hashes: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    disabled_at: Mapped[datetime | None]


class StaffSession(Base):
    """One browser that is signed in, or half way there; signing out deletes the row."""

    __tablename__ = "staff_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("staff_members.id"), index=True)
    csrf_token: Mapped[str] = mapped_column(String(64))
    #: False while the second factor is missing: such a session opens nothing.
    is_complete: Mapped[bool]
    #: A new second factor that was shown but not confirmed yet.
    totp_offer: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    #: At most a minute behind.
    seen_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    #: From when on this session opens nothing but the way to a second factor; null: its account needs none, or has it.
    enrol_by: Mapped[datetime | None]


class StaffPolicy(Base):
    """The one row about how staff sign in."""

    __tablename__ = "staff_policy"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    #: The roles whose accounts need a second factor.
    second_factor_roles: Mapped[list[Any]] = mapped_column(default=list)
    changed_at: Mapped[datetime] = mapped_column(default=utc_now)


class StaffInvitation(Base):
    """A link with which somebody sets the password of their account, for the first time or anew."""

    __tablename__ = "staff_invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    #: Null: makes the first administrator, who says their own address.
    member_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"), index=True)
    #: Null: made in the terminal.
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    #: Whether it takes the second factor away, for who lost it.
    clears_totp: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class LoginAttempt(Base):
    """A try to sign in that was wrong, or is being checked; kept for a day."""

    __tablename__ = "login_attempts"
    __table_args__ = (
        Index("ix_login_attempts_account_hash_tried_at", "account_hash", "tried_at"),
        Index("ix_login_attempts_address_tried_at", "address", "tried_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: SHA-256 of what was typed as the e-mail address: people type passwords there too.
    account_hash: Mapped[str] = mapped_column(String(64))
    #: IPv4 address, or the /64 network of an IPv6 one.
    address: Mapped[str] = mapped_column(String(64))
    tried_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


class AuditEntry(Base):
    """Something that staff did. Triggers of both databases refuse to change or delete a row."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_member_id_id", "member_id", "id"),
        Index("ix_audit_entries_action_id", "action", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Null: the terminal.
    member_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    #: A key of ``audit_actions`` in the console's words.
    action: Mapped[str] = mapped_column(String(48))
    #: What it was done to, ``staff:3``; empty: to nothing in particular.
    subject: Mapped[str] = mapped_column(String(64), default="")
    #: Never personal data: it can't be erased from here.
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    done_at: Mapped[datetime] = mapped_column(default=utc_now)
