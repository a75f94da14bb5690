"""Conduct a journey: what a message does to its draft, and what is said next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import utc_now
from bot.db.models import Draft
from bot.journeys.journey import FIELDS, REVIEW, Journey, Person, Stop, read_unasked
from bot.journeys.reading import WISHES, Heard, Problem, Reading, read_named_field
from bot.messages import Answer

#: From this probability on, a message that is put as a question asks us something, and so does one that is not.
ASKS_IF_INTERROGATIVE = 0.4
ASKS_IF_NOT = 0.55
#: Free text is only left for a wish that is this clear.
CLEAR_WISH = 0.7
#: After so many misses in a row the question comes with a way out.
HELP_AFTER_MISSES = 2
#: A draft is kept for so long after its last answer; then it is begun anew.
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Step:
    """What a message came to: what is said (None: it was no answer, others shall reply), and the field asked next."""

    answer: Answer | None
    asking: str | None = None
    #: The journey that goes on after this one ended.
    then: str | None = None


async def find_draft(session: AsyncSession, contact_id: int, *states: str, journey: str | None = None) -> Draft | None:
    """The latest draft of a person in one of some states, of one journey or of any; None when it is too old."""
    query = select(Draft).where(
        Draft.contact_id == contact_id, Draft.state.in_(states), Draft.updated_at > utc_now() - KEPT
    )
    if journey is not None:
        query = query.where(Draft.journey == journey)
    return (await session.scalars(query.order_by(Draft.updated_at.desc(), Draft.id.desc()).limit(1))).first()


async def pause_drafts(session: AsyncSession, contact_id: int) -> None:
    """Leave whatever is being asked, to be resumed."""
    asking = (Draft.contact_id == contact_id) & (Draft.state == "asking")
    await session.execute(update(Draft).where(asking).values(state="paused"))


async def forget_old_drafts(session: AsyncSession) -> None:
    """Delete the drafts that are too old to be gone on with."""
    old = select(Draft.id).where(Draft.updated_at <= utc_now() - KEPT)
    await session.execute(update(Draft).where(Draft.returns_to_id.in_(old)).values(returns_to_id=None))
    await session.execute(delete(Draft).where(Draft.updated_at <= utc_now() - KEPT))


async def begin(session: AsyncSession, journey: Journey, person: Person, heard: Heard) -> Step:
    """Begin a journey, or go on with the one that was left, with whatever the message already says."""
    refusal = await journey.refuse(session, person)
    if refusal is not None:
        return Step(refusal)
    draft = await find_draft(session, person.contact_id, "asking", "paused", journey=journey.name)
    is_resumed = draft is not None
    interrupted = await find_draft(session, person.contact_id, "asking")
    await pause_drafts(session, person.contact_id)
    if draft is None:
        draft = Draft(contact_id=person.contact_id, journey=journey.name, answers={})
        session.add(draft)
    draft.state, draft.misses = "asking", 0
    if not journey.is_resumable:
        is_resumed, draft.answers, draft.asking = False, {}, None
    asked = draft.asking if is_resumed and draft.asking != REVIEW else None
    draft.asking = asked
    draft.answers = await journey.reopen(session, person, draft.answers)
    await session.flush()
    draft.answers = {**await journey.prefill(session, person, await _known(session, person), heard), **draft.answers}
    if journey.is_short and interrupted is not None and interrupted.id != draft.id:
        draft.returns_to_id = interrupted.id
    opening = Answer("journey_resumed", {"journey": journey.name}) if is_resumed else Answer(f"begin_{journey.name}")
    noted = await _note(session, journey, draft, read_unasked(journey, heard, draft.answers, None))
    if asked is not None and asked not in draft.answers:
        draft.asking = asked
    return await _go_on(session, journey, person, draft, (opening,), noted)


async def _known(session: AsyncSession, person: Person) -> dict[str, str]:
    """What the person answered in their journeys, the latest last, but for what identifies them."""
    known: dict[str, str] = {}
    query = select(Draft).where(Draft.contact_id == person.contact_id, Draft.updated_at > utc_now() - KEPT)
    for draft in await session.scalars(query.order_by(Draft.updated_at)):
        known |= draft.answers
    kept = {name for name, each in FIELDS.items() if not each.is_personal and not each.is_free}
    return {name: value for name, value in known.items() if name in kept - {REVIEW} and not name.startswith("consent_")}


async def ask_again(session: AsyncSession, journey: Journey, person: Person) -> Step:
    """Put the open question once more, after something else was answered in between."""
    draft = await find_draft(session, person.contact_id, "asking", journey=journey.name)
    if draft is None:
        return Step(None)
    return await _go_on(session, journey, person, draft, (Answer("journey_goes_on"),), {})


async def answer(session: AsyncSession, journey: Journey, person: Person, heard: Heard) -> Step:
    """Read a message as the answer to the open question."""
    draft = await find_draft(session, person.contact_id, "asking", journey=journey.name)
    if draft is None or draft.asking is None:
        return Step(None)
    asked = draft.asking
    sure_from = CLEAR_WISH if FIELDS[asked].is_free else ASKS_IF_NOT
    if heard.is_stop or (heard.intent == "cancel" and heard.confidence >= sure_from):
        draft.state, draft.answers, draft.asking = "cancelled", {}, None
        return await _end(session, draft, Answer("journey_cancelled", {"journey": journey.name}))
    if heard.intent == "correct_answer":
        return await _correct(session, journey, person, draft, heard.first("field"))
    if _goes_on_by_itself(heard, journey, sure_from):
        return await _go_on(session, journey, person, draft, (Answer("journey_goes_on"),), {})
    says_so = heard.is_button or (heard.confidence >= sure_from and not heard.names_somebody)
    begins_again = heard.intent in journey.begins_with and says_so
    if asked == REVIEW and (not begins_again or isinstance(FIELDS[REVIEW].read(heard), str)):
        return await _review(session, journey, person, draft, heard)
    unasked = read_unasked(journey, heard, draft.answers, asked)
    reading = None if asked == REVIEW else await _read(session, journey, asked, heard)
    if begins_again and (FIELDS[asked].is_free or not isinstance(reading, str)):
        # In the middle of it already: no rule of Rasa's would open it again.
        noted = await _note(session, journey, draft, unasked)
        return await _go_on(session, journey, person, draft, (Answer("journey_goes_on"),), noted)
    if is_left(heard, asked, reading):
        return await _leave(session, journey, person, draft, heard, asked, unasked)
    if isinstance(reading, str):
        return await _keep(session, journey, person, draft, asked, reading, heard)
    if unasked:
        # "en fait j'habite à Rabat", while the e-mail was asked.
        return await _go_on(session, journey, person, draft, (), await _note(session, journey, draft, unasked))
    if reading is None and heard.intent == "goodbye":
        draft.state = "paused"
        return Step(Answer("journey_paused", {"journey": journey.name}, _resume_choice(journey)))
    if reading is None and heard.intent in ("greet", "thank"):
        return Step(None)
    return await _miss(session, journey, person, draft, reading or Problem(asked))


def _goes_on_by_itself(heard: Heard, journey: Journey, sure_from: float) -> bool:
    """Whether it asks to go on with the very journey that is open."""
    if heard.intent != "resume_journey" or heard.confidence < sure_from:
        return False
    return heard.first("journey") in (None, journey.name)


async def _read(session: AsyncSession, journey: Journey, asked: str, heard: Heard) -> Reading:
    """The answer in a message, also where only the database can see it."""
    reading = FIELDS[asked].read(heard)
    if isinstance(reading, str) and await journey.check(session, asked, reading) is None:
        return reading
    if heard.is_button or FIELDS[asked].is_free:
        return reading
    return await journey.interpret(session, asked, heard) or reading


async def _keep(
    session: AsyncSession, journey: Journey, person: Person, draft: Draft, asked: str, value: str, heard: Heard
) -> Step:
    """Keep the answer to the open question, and whatever else the message says, and go on."""
    problem = await journey.check(session, asked, value)
    if problem is not None:
        return await _miss(session, journey, person, draft, problem)
    draft.answers = {**draft.answers, asked: value}
    draft.misses, draft.asking, draft.updated_at = 0, None, utc_now()
    stop = await journey.keep(session, person, asked, value, draft.answers)
    if stop is not None:
        return await _stop(session, draft, stop)
    noted = await _note(session, journey, draft, read_unasked(journey, heard, draft.answers, asked))
    return await _go_on(session, journey, person, draft, (), noted)


async def _leave(
    session: AsyncSession,
    journey: Journey,
    person: Person,
    draft: Draft,
    heard: Heard,
    asked: str,
    unasked: Mapping[str, str],
) -> Step:
    """Leave a message to others, but for a phone number or an e-mail in it, which can't be meant otherwise."""
    own = {name: value for name, value in unasked.items() if FIELDS[name].is_personal}
    if own and not heard.is_interrogative:
        return await _go_on(session, journey, person, draft, (), await _note(session, journey, draft, own))
    if FIELDS[asked].is_personal and asked in heard.entities:
        reading = FIELDS[asked].read(heard)
        if isinstance(reading, str):
            # "0612345678 et c'est gratuit au fait ?": both are answered, and the next question comes after.
            step = await _keep(session, journey, person, draft, asked, reading, heard)
            return step if step.asking is None else Step(None)
    return Step(None)


def is_left(heard: Heard, asked: str, reading: Reading) -> bool:
    """Whether a message leaves the open question for something else, to be answered by others."""
    if heard.is_button:
        return heard.intent not in ("inform", "affirm", "deny", "correct_answer")
    if asked == "full_name":
        # Whatever a name is made of, it is understood as a piece of information or not at all.
        return heard.asks(CLEAR_WISH) and not heard.names_somebody
    if FIELDS[asked].is_free:
        if heard.intent in WISHES and heard.confidence >= CLEAR_WISH:
            return True
        return heard.is_interrogative and heard.asks(ASKS_IF_INTERROGATIVE)
    if heard.is_interrogative or heard.intent in WISHES:
        return heard.asks(ASKS_IF_INTERROGATIVE)
    return heard.asks(ASKS_IF_NOT) and reading is None


async def _note(session: AsyncSession, journey: Journey, draft: Draft, said: Mapping[str, str]) -> dict[str, str]:
    """Keep what was said unasked and can be; what was kept."""
    kept = {name: value for name, value in said.items() if await journey.check(session, name, value) is None}
    if kept:
        draft.answers = {**draft.answers, **kept}
        draft.misses, draft.updated_at = 0, utc_now()
    return kept


async def _miss(session: AsyncSession, journey: Journey, person: Person, draft: Draft, problem: Problem) -> Step:
    """Say what is wrong and ask again; the second time in a row, with a way out."""
    draft.misses += 1
    preface = [Answer(f"problem_{problem.code}", dict(problem.data))]
    return await _go_on(session, journey, person, draft, tuple(preface), {})


async def _go_on(
    session: AsyncSession,
    journey: Journey,
    person: Person,
    draft: Draft,
    preface: tuple[Answer, ...],
    noted: Mapping[str, str],
) -> Step:
    """Ask the open field again, else the next one; when there is none, finish."""
    if noted:
        preface = (*preface, Answer("journey_noted", {"noted": dict(noted)}))
    skipped = await journey.skip(session, draft.answers)
    if draft.asking in draft.answers or draft.asking in skipped:
        draft.asking = None
    open_fields = (each for each in journey.fields if each not in draft.answers and each not in skipped)
    name = draft.asking or next(open_fields, None)
    if name is None:
        obstacle = await journey.find_obstacle(session, person, draft.answers)
        if obstacle is not None:
            return await _stop(session, draft, obstacle)
        done = await journey.finish(session, person, draft.answers)
        # What identifies the person is kept where it belongs, and not twice.
        draft.answers = {each: value for each, value in draft.answers.items() if not FIELDS[each].is_personal}
        draft.state, draft.asking, draft.updated_at = "done", None, utc_now()
        # What a question would have had before it is of no use any more: the end says what was understood.
        return await _end(session, draft, done)
    draft.asking, draft.updated_at = name, utc_now()
    question = await journey.ask(session, person, name, draft.answers)
    choices = question.choices
    if draft.misses >= HELP_AFTER_MISSES:
        choices = (*choices, ("/request_human", None), ("/cancel", None))
    data = {"journey": journey.name, **question.data}
    return Step(Answer(f"ask_{name}", data, choices, preface), name)


async def _review(session: AsyncSession, journey: Journey, person: Person, draft: Draft, heard: Heard) -> Step:
    """Everything is there: "yes" finishes, "no" asks what is wrong, and anything new is put in."""
    unasked = read_unasked(journey, heard, draft.answers, REVIEW)
    if unasked and not heard.is_interrogative:
        return await _go_on(session, journey, person, draft, (), await _note(session, journey, draft, unasked))
    verdict = FIELDS[REVIEW].read(heard)
    if verdict == "yes":
        draft.answers = {**draft.answers, REVIEW: "yes"}
        return await _go_on(session, journey, person, draft, (), {})
    named = read_named_field(heard)
    if named in draft.answers and not heard.is_interrogative:
        return await _correct(session, journey, person, draft, named)
    if verdict == "no":
        return await _correct(session, journey, person, draft, None)
    if is_left(heard, REVIEW, verdict):
        return Step(None)
    return await _miss(session, journey, person, draft, Problem(REVIEW))


async def _correct(session: AsyncSession, journey: Journey, person: Person, draft: Draft, name: str | None) -> Step:
    """Ask one field anew, or, when it is not said which, which one."""
    answered = [each for each in journey.fields if each in draft.answers and each != REVIEW]
    correctable = [each for each in answered if not each.startswith("consent_")]
    if name not in correctable:
        choices = tuple((f'/correct_answer{{"field": "{each}"}}', None) for each in correctable)
        draft.asking = draft.asking or REVIEW
        return Step(Answer("choose_correction", {}, choices), draft.asking)
    draft.answers = {each: value for each, value in draft.answers.items() if each not in (name, REVIEW)}
    draft.asking, draft.misses, draft.updated_at = name, 0, utc_now()
    return await _go_on(session, journey, person, draft, (), {})


async def _stop(session: AsyncSession, draft: Draft, stop: Stop) -> Step:
    draft.state, draft.asking = stop.state, None
    if stop.state == "cancelled":
        draft.answers = {}
    return await _end(session, draft, stop.answer)


async def _end(session: AsyncSession, draft: Draft, answer: Answer) -> Step:
    """Say how a journey ended, and go back to the one that it was begun in the middle of."""
    before = await session.get(Draft, draft.returns_to_id) if draft.returns_to_id is not None else None
    if before is None or before.state != "paused" or draft.state == "paused":
        return Step(answer)
    return Step(answer, then=before.journey)


def _resume_choice(journey: Journey) -> tuple[tuple[str, str | None], ...]:
    return ((f'/resume_journey{{"journey": "{journey.name}"}}', None),)
