"""The tables: conversations, what staff add and label, content, what people get done, staff, figures."""

from __future__ import annotations

from bot.db.models.annotation import Annotation, Candidate, CandidateGroup, Gathering
from bot.db.models.campaigns import Campaign, CampaignRecipient, CampaignTester, ChannelPause
from bot.db.models.console import CannedAnswer, ContactTag, MessageTerms, Note, Tag
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
from bot.db.models.figures import FigureDay
from bot.db.models.journeys import (
    AccessCode,
    Announcement,
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
from bot.db.models.registry import ModelJob, ModelServer, ModelSwitch, ModelVersion, ReplayedMessage
from bot.db.models.reports import ReportMail
from bot.db.models.revisions import AnswerText, ContentRevision, ContentState
from bot.db.models.staff import AuditEntry, LoginAttempt, StaffInvitation, StaffMember, StaffSession

__all__ = [
    "AccessCode",
    "Alternative",
    "Annotation",
    "Announcement",
    "AnswerText",
    "Application",
    "ApplicationChange",
    "ApplicationDocument",
    "AuditEntry",
    "Campaign",
    "CampaignRecipient",
    "CampaignTester",
    "Candidate",
    "CandidateGroup",
    "CannedAnswer",
    "ChannelPause",
    "City",
    "Cohort",
    "Consent",
    "Contact",
    "ContactTag",
    "ContentRevision",
    "ContentState",
    "DocumentTick",
    "Draft",
    "EligibilityRule",
    "Erasure",
    "Event",
    "Fact",
    "FigureDay",
    "Gathering",
    "Identity",
    "Interaction",
    "LoginAttempt",
    "Message",
    "MessageTerms",
    "ModelJob",
    "ModelServer",
    "ModelSwitch",
    "ModelVersion",
    "Note",
    "Notice",
    "Operator",
    "Programme",
    "Publication",
    "Rating",
    "Registration",
    "ReplayedMessage",
    "ReportMail",
    "Seeded",
    "Session",
    "StaffInvitation",
    "StaffMember",
    "StaffRequest",
    "StaffSession",
    "Subscription",
    "Tag",
    "Track",
]
