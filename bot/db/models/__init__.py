"""The tables: the conversation, the content that staff keep, and what people get done."""

from __future__ import annotations

from bot.db.models.content import (
    Alternative,
    ApplicationDocument,
    City,
    Cohort,
    EligibilityRule,
    Event,
    Fact,
    Operator,
    Programme,
    Publication,
    Seeded,
    Track,
)
from bot.db.models.conversation import Contact, Identity, Interaction, Message, Session, Subscription
from bot.db.models.journeys import (
    AccessCode,
    Application,
    ApplicationChange,
    Consent,
    DocumentTick,
    Draft,
    Erasure,
    Notice,
    Rating,
    Registration,
    StaffRequest,
)

__all__ = [
    "AccessCode",
    "Alternative",
    "Application",
    "ApplicationChange",
    "ApplicationDocument",
    "City",
    "Cohort",
    "Consent",
    "Contact",
    "DocumentTick",
    "Draft",
    "EligibilityRule",
    "Erasure",
    "Event",
    "Fact",
    "Identity",
    "Interaction",
    "Message",
    "Notice",
    "Operator",
    "Programme",
    "Publication",
    "Rating",
    "Registration",
    "Seeded",
    "Session",
    "StaffRequest",
    "Subscription",
    "Track",
]
