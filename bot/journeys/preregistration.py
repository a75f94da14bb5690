"""Pre-registration for JobInTech: consent first, then the answers, a summary to correct, and a reference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.disclosures import COUNTED, OUTCOME, count_disclosures
from bot.db.interactions import count_outcomes, count_outcomes_on
from bot.db.models import Application, ApplicationChange, Consent, Identity, Message, StaffRequest, Track
from bot.db.notices import call_off, plan_notice
from bot.db.training import list_tracks
from bot.journeys.checklist import SUBJECT as CHECKLIST
from bot.journeys.eligibility import check_city, offer_cities, offer_diplomas, offer_situations
from bot.journeys.journey import NO_EMAIL, REVIEW, Journey, Person, Question, Stop
from bot.journeys.reading import UNDECIDED, Heard, Problem
from bot.journeys.words import NO_EMAIL_WORDS, NO_ONLY
from bot.messages import Answer
from bot.plain import plain_words
from bot.references import make_reference

#: States in which an application is over.
OVER = ("refused", "withdrawn")
#: States in which the person may still correct it; later the team works on it.
CORRECTABLE = ("received", "incomplete")
#: So many phones or e-mails of others' applications are told to one person within a day, and, since anybody can be
#: somebody new there, to all of the web page within an hour.
MOST_TWINS = 3
MOST_TWINS_ON_PAGE = 30
#: Where an application keeps the answers.
COLUMNS = {
    "full_name": "full_name",
    "phone": "phone",
    "email": "email",
    "city": "city_slug",
    "diploma": "diploma",
    "situation": "situation",
    "track": "track_slug",
}
#: The purposes of consent, by the field that asks for it.
PURPOSES = {"consent_application": "application", "consent_contact": "contact"}


async def find_application(session: AsyncSession, contact_id: int) -> Application | None:
    """The latest application of a person, the live one first."""
    query = select(Application).where(Application.contact_id == contact_id)
    newest = query.order_by(Application.state.in_(OVER), Application.id.desc()).limit(1)
    return (await session.scalars(newest)).first()


async def find_twin(session: AsyncSession, contact_id: int, answers: Mapping[str, str]) -> Application | None:
    """A live application with the same phone or e-mail that another contact made, probably the same person."""
    same = [
        column == answers[name]
        for name, column in (("phone", Application.phone), ("email", Application.email))
        if answers.get(name, NO_EMAIL) != NO_EMAIL
    ]
    if not same:
        return None
    query = select(Application).where(or_(*same), Application.contact_id != contact_id, Application.state.not_in(OVER))
    return (await session.scalars(query.order_by(Application.id).limit(1))).first()


class Preregistration(Journey):
    """Takes a person's application and keeps it for the team."""

    name = "preregistration"
    begins_with = frozenset({"application_start"})
    fields: ClassVar[tuple[str, ...]] = (
        "consent_application", "consent_contact", "full_name", "phone", "email", "city", "diploma", "situation",
        "track", REVIEW,
    )  # fmt: skip

    #: What to do about an application with the same phone or e-mail.
    elsewhere_choices: ClassVar[tuple[tuple[str, str | None], ...]] = (
        ("/send_link_code", None),
        ("/request_human", None),
    )

    async def reopen(self, session: AsyncSession, person: Person, answers: Mapping[str, str]) -> dict[str, str]:
        """Without the phone or e-mail that another application has, so that it can be another one."""
        left = await super().reopen(session, person, answers)
        twin = await find_twin(session, person.contact_id, left)
        clashing = {"phone", "email"} if twin is not None else set()
        return {
            name: value
            for name, value in left.items()
            if name not in clashing or twin is None or getattr(twin, name) != value
        }

    async def refuse(self, session: AsyncSession, person: Person) -> Answer | None:
        """One person has one live application."""
        application = await find_application(session, person.contact_id)
        if application is None or application.state in OVER:
            return None
        data = {"reference": application.reference, "state": application.state}
        return Answer("application_exists", data, (("/application_status", None),))

    async def ask(self, session: AsyncSession, person: Person, name: str, answers: Mapping[str, str]) -> Question:
        """The usual answers as choices; on WhatsApp the number that the person writes from."""
        if name.startswith("consent_"):
            return Question(choices=(("/affirm", "@agree"), ("/deny", "@refuse")))
        if name == "phone":
            return await _ask_phone(session, person)
        if name == "email":
            return Question({"can_skip": True}, ((f'/inform{{"email": "{NO_EMAIL}"}}', "@no_email"),))
        if name == "city":
            return Question(choices=await offer_cities(session))
        if name == "diploma":
            return Question(choices=offer_diplomas())
        if name == "situation":
            return Question(choices=offer_situations())
        if name == "track":
            tracks = [track.slug for track in await list_tracks(session)]
            return Question(choices=tuple((f'/inform{{"track": "{slug}"}}', None) for slug in [*tracks, UNDECIDED]))
        if name == REVIEW:
            shown = [each for each in self.fields if each in answers and each not in PURPOSES]
            data = {"answers": {each: answers[each] for each in shown}}
            return Question(data, (("/affirm", "@all_right"), ("/deny", "@correct")))
        return Question()

    async def interpret(self, session: AsyncSession, name: str, heard: Heard) -> str | None:
        """A training by a word of its name, "mobile" say, which means nothing elsewhere; or that there is no e-mail."""
        if name == "email":
            return NO_EMAIL if _has_no_email(heard.text) else None
        if name != "track":
            return await super().interpret(session, name, heard)
        words = set(re.findall(r"\w+", heard.text.casefold()))
        for track in await list_tracks(session):
            if words & set(track.slug.split("-")) or words & set(re.findall(r"\w{4,}", track.name.casefold())):
                return track.slug
        return None

    async def check(self, session: AsyncSession, name: str, value: str) -> Problem | None:
        """A town must be known, and a track must be taught."""
        if name == "city":
            return await check_city(session, value)
        if name == "track" and value != UNDECIDED and await session.get(Track, value) is None:
            return Problem("track")
        return None

    async def keep(
        self, session: AsyncSession, person: Person, name: str, value: str, answers: Mapping[str, str]
    ) -> Stop | None:
        """A consent goes into the ledger at once; without the first one nothing is kept.

        A phone or e-mail that an application has already, made elsewhere, is not applied with twice.
        """
        if name in ("phone", "email"):
            return await self._find_twin_stop(session, person, {name: value})
        if name not in PURPOSES:
            return None
        session.add(
            Consent(
                contact_id=person.contact_id,
                purpose=PURPOSES[name],
                is_given=value == "yes",
                wording=await _find_wording(session, person.contact_id, f"ask_{name}"),
                channel=person.channel,
            )
        )
        if name == "consent_application" and value == "no":
            return Stop(Answer("consent_refused"))
        return None

    async def find_obstacle(self, session: AsyncSession, person: Person, answers: Mapping[str, str]) -> Stop | None:
        """An application that was made meanwhile, here or, with the same phone or e-mail, elsewhere."""
        return await super().find_obstacle(session, person, answers) or await self._find_twin_stop(
            session, person, answers
        )

    async def _find_twin_stop(self, session: AsyncSession, person: Person, answers: Mapping[str, str]) -> Stop | None:
        twin = await find_twin(session, person.contact_id, answers)
        if twin is None or await _tries_too_many(session, person):
            # Whoever goes through numbers learns nothing any more of which of them applied; the team joins the two.
            return None
        choices = self.elsewhere_choices
        by = "phone" if answers.get("phone") == twin.phone else "email"
        return Stop(Answer(OUTCOME, {"by": by}, choices), "paused")

    async def finish(self, session: AsyncSession, person: Person, answers: Mapping[str, str]) -> Answer:
        """Answers `application_received`."""
        now = utc_now()
        application = Application(
            reference=make_reference("JIT"),
            contact_id=person.contact_id,
            full_name=answers["full_name"],
            phone=answers["phone"],
            email=_write_column("email", answers),
            city_slug=answers["city"],
            diploma=answers["diploma"],
            situation=answers["situation"],
            track_slug=answers["track"],
            created_at=now,
            updated_at=now,
            history=[ApplicationChange(state="received", changed_by="person", changed_at=now)],
        )
        session.add(application)
        await session.flush()
        twin = await find_twin(session, person.contact_id, answers)
        if twin is not None:
            session.add(
                StaffRequest(
                    contact_id=person.contact_id,
                    message_id=person.message_id,
                    kind="duplicate",
                    details={"application": application.reference, "other": twin.reference},
                )
            )
        consent = await _find_contact_consent(session, person.contact_id)
        agreed_at = consent.given_at if consent is not None else None
        data = {
            "reference": application.reference,
            "may_contact": answers["consent_contact"] == "yes",
            "promise": await person.reach.promise(session, person.contact_id, asked_at=agreed_at),
        }
        return Answer("application_received", data)


class Correction(Preregistration):
    """Corrects an application that was sent: its answers as a summary, and the line that is wrong anew."""

    name = "correction"
    begins_with = frozenset({"correct_application"})
    is_resumable = False
    elsewhere_choices = (("/request_human", None),)
    fields = tuple(name for name in Preregistration.fields if name not in PURPOSES)

    async def refuse(self, session: AsyncSession, person: Person) -> Answer | None:
        """Only an application that nobody works on yet."""
        application = await find_application(session, person.contact_id)
        if application is None or application.state in OVER:
            return Answer("utter_application_status")
        if application.state not in CORRECTABLE:
            return Answer("correction_closed", {"state": application.state}, (("/request_human", None),))
        return None

    async def prefill(
        self, session: AsyncSession, person: Person, known: Mapping[str, str], heard: Heard
    ) -> dict[str, str]:
        """The application as it is."""
        application = await find_application(session, person.contact_id)
        if application is None:
            return {}
        return {name: getattr(application, column) or NO_EMAIL for name, column in COLUMNS.items()}

    async def finish(self, session: AsyncSession, person: Person, answers: Mapping[str, str]) -> Answer:
        """Answers `application_corrected`."""
        application = await find_application(session, person.contact_id)
        assert application is not None  # noqa: S101  # find_obstacle has just refused otherwise
        values = {name: _write_column(name, answers) for name in COLUMNS}
        changed = [name for name, column in COLUMNS.items() if getattr(application, column) != values[name]]
        for name in changed:
            setattr(application, COLUMNS[name], values[name])
        if changed:
            now = utc_now()
            application.updated_at = now
            session.add(
                ApplicationChange(application_id=application.id, state="corrected", changed_by="person", changed_at=now)
            )
        return Answer("application_corrected", {"reference": application.reference, "fields": changed})


def _has_no_email(text: str) -> bool:
    """Whether somebody who was asked for an e-mail says that there is none; what has an @ is one to correct."""
    if "@" in text:
        return False
    return NO_EMAIL_WORDS.search(text) is not None or NO_ONLY.fullmatch(plain_words(text)) is not None


def _write_column(name: str, answers: Mapping[str, str]) -> str | None:
    """An answer as an application keeps it: no e-mail is none."""
    return None if answers[name] == NO_EMAIL and name == "email" else answers[name]


async def _ask_phone(session: AsyncSession, person: Person) -> Question:
    """With a button that shares one's own number on Telegram, and the number itself on WhatsApp."""
    if person.channel == "telegram":
        return Question({"can_share": True}, (("share:phone", "@share_phone"),))
    query = select(Identity.address).where(Identity.contact_id == person.contact_id, Identity.channel == "whatsapp")
    address = await session.scalar(query.order_by(Identity.last_inbound_at.desc()))
    if address is None:
        return Question({"can_share": False})
    number = address.removeprefix("whatsapp:")
    return Question({"can_share": False}, ((f'/inform{{"phone": "{number}"}}', number),))


async def _tries_too_many(session: AsyncSession, person: Person) -> bool:
    """Whether somebody was told of so many applications elsewhere that they may be looking for them."""
    told = await count_outcomes(session, person.contact_id, OUTCOME, COUNTED)
    if told + await count_disclosures(session, person.contact_id, person.secret) >= MOST_TWINS:
        return True
    on_page = await count_outcomes_on(session, "web", OUTCOME, timedelta(hours=1)) if person.channel == "web" else 0
    return on_page >= MOST_TWINS_ON_PAGE


async def _find_wording(session: AsyncSession, contact_id: int, key: str) -> str:
    """A question as it was put to a person last, without what was said before it in the same message."""
    query = select(Message.text, Message.question_at).where(
        Message.contact_id == contact_id, Message.direction == "out", Message.answer_key == key
    )
    asked = (await session.execute(query.order_by(Message.id.desc()).limit(1))).first()
    return "" if asked is None else str(asked.text)[asked.question_at or 0 :]


async def _find_contact_consent(session: AsyncSession, contact_id: int) -> Consent | None:
    """The latest answer to the question whether the person may be written to."""
    asked = select(Consent).where(Consent.contact_id == contact_id, Consent.purpose == "contact")
    return (await session.scalars(asked.order_by(Consent.id.desc()).limit(1))).first()


async def withdraw(session: AsyncSession, application: Application) -> None:
    """Take an application back, as its person wishes; of its papers nobody is reminded any more."""
    now = utc_now()
    application.state, application.updated_at = "withdrawn", now
    session.add(
        ApplicationChange(application_id=application.id, state="withdrawn", changed_by="person", changed_at=now)
    )
    await call_off(session, application.contact_id, CHECKLIST)


def tell_state(reference: str, state: str, note: str = "") -> Answer:
    """What a person is told of where their application stands; `note` is what the team adds, as plain text."""
    needs_team = state in ("incomplete", *OVER)
    choices = (("/application_status", None), *((("/request_human", None),) if needs_team else ()))
    return Answer("application_moved", {"reference": reference, "state": state, "note": note}, choices)


async def change_state(session: AsyncSession, application: Application, state: str, staff: str, note: str = "") -> None:
    """Move an application on, with a line in its history; the person hears of it if they agreed to be written to.

    `note` is a sentence that the team adds to what they hear.
    """
    now = utc_now()
    application.state, application.updated_at = state, now
    session.add(ApplicationChange(application_id=application.id, state=state, changed_by=staff, changed_at=now))
    consent = await _find_contact_consent(session, application.contact_id)
    if consent is not None and consent.is_given:
        told = tell_state(application.reference, state, note)
        plan_notice(session, application.contact_id, told, asked_at=consent.given_at)
