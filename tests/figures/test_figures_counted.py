"""Figures of logs that are small enough to count on paper, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from small_talk import Log, at

from bot.clock import running_on
from bot.db.engine import Database
from bot.db.models import Application, Event, Message, Rating, Registration, StaffRequest
from bot.figures.data import FEWEST_PEOPLE, Figures
from bot.figures.keeping import keep_all
from bot.figures.measuring import measure
from bot.figures.period import Period
from bot.figures.times import ERROR

TODAY = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    """It is 20 November 2026, noon in UTC."""
    with running_on(lambda: datetime(2026, 11, 20, 12, tzinfo=UTC)):
        yield


async def measured(db: Database, *days: str, step: str | None = None) -> Figures:
    """The figures of a period from its first to its last day, after everything was counted."""
    await keep_all(db)
    async with db.read() as session:
        period = Period.parse({"from": days[0], "to": days[-1]}, TODAY)
        return await measure(session, period, step)  # type: ignore[arg-type]


async def test_a_log_of_two_days(db: Database) -> None:
    """Conversations, people, messages and outcomes, beside the days before."""
    log = Log(db)
    amal, badr = await log.person("telegram", "web"), await log.person("whatsapp")
    # The day before: one message.
    await log.says(amal, "telegram", at("2026-11-09 10:00"))
    # Amal on two channels is one person; half an hour later is the same conversation, three hours later another one.
    await log.says(amal, "telegram", at("2026-11-10 09:00"), took_s=1)
    await log.says(amal, "web", at("2026-11-10 09:30"), key="did_you_mean", took_s=3)
    await log.says(amal, "telegram", at("2026-11-10 12:30"), key="not_understood", variety="ary-Latn", took_s=4)
    await log.says(badr, "whatsapp", at("2026-11-10 15:00"), key="human_requested", took_s=5, intent="request_human")
    await log.says(badr, "whatsapp", at("2026-11-10 15:01"), key=None, variety=None, intent=None)
    await log.says(badr, "whatsapp", at("2026-11-10 15:02"), key="apology", state="failed", took_s=60)
    figures = await measured(db, "2026-11-10")
    value = {each.key: each.value for each in figures.headline}
    before = {each.key: each.before for each in figures.headline}
    assert (value["conversations"], value["people"], value["messages_in"], value["messages_out"]) == (3, 2, 6, 5)
    assert (before["conversations"], before["people"], before["messages_in"], before["messages_out"]) == (1, 1, 1, 1)
    shares = ("share_answered", "share_asked_back", "share_not_understood", "share_handed_over", "share_failed")
    assert [value[key] for key in shares] == [pytest.approx(1 / 5)] * 5
    assert value["share_out_of_scope"] == 0 and figures.figure("share_answered").n == 5
    assert value["to_staff"] == 1
    assert figures.covered == "whole" and figures.pending == 0


async def test_days_are_those_of_morocco(db: Database) -> None:
    """23:30 in UTC is half past midnight of the next day; in Ramadan, at UTC itself, it is the same day's."""
    log = Log(db)
    amal = await log.person("telegram")
    await log.says(amal, "telegram", at("2026-11-09 23:30"))
    figures = await measured(db, "2026-11-10")
    assert figures.figure("messages_in").value == 1 and figures.figure("messages_in").before is None
    assert figures.covered == "not" and figures.since == date(2026, 11, 10)
    hours = {row.key: row.figures[0].value for row in figures.table("hours").rows}
    assert hours["00"] == 1 and sum(hours.values()) == 1
    # Ramadan 2026 is from 15 February to 22 March: the clock goes back at 03:00, and forward at 02:00.
    await log.says(amal, "telegram", at("2026-02-15 01:30"))  # 02:30 at UTC+1
    await log.says(amal, "telegram", at("2026-02-15 23:30"))  # still the 15th, at UTC
    await log.says(amal, "telegram", at("2026-03-22 01:30"))  # 01:30 at UTC
    await log.says(amal, "telegram", at("2026-03-22 22:30"))  # 23:30 at UTC+1: a day of 23 hours
    await log.says(amal, "telegram", at("2026-03-22 23:30"))  # the 23rd
    for day, count in (("2026-02-14", 0), ("2026-02-15", 2), ("2026-02-16", 0), ("2026-03-22", 2), ("2026-03-23", 1)):
        assert (await measured(db, day)).figure("messages_in").value == count, day


async def test_nothing_is_no_data_and_no_zero_percent(db: Database) -> None:
    """A log without a message has counts of 0, and shares and times without a value."""
    figures = await measured(db, "2026-11-01", "2026-11-10")
    assert figures.since is None and figures.covered == "not" and figures.pending == 0
    for figure in figures.headline:
        assert figure.value == (0 if figure.unit == "count" else None), figure.key
        assert figure.before is None and figure.change is None and figure.direction == "unknown"
    assert [point.value for point in figures.curve("people").points] == [0] * 10
    assert [point.value for point in figures.curve("share_answered").points] == [None] * 10
    assert figures.curve("people").before == () and figures.rising == ()
    assert [step.share_of(funnel.steps[0]) for funnel in figures.funnels for step in funnel.steps] == [None] * 6


async def test_an_empty_period_after_a_full_one(db: Database) -> None:
    """Messages fall to none by 100 %; a share of nothing has no value, and no change."""
    log = Log(db)
    amal = await log.person("web")
    for day in (1, 2, 3):
        await log.says(amal, "web", at(f"2026-11-0{day} 10:00"))
    figures = await measured(db, "2026-11-04", "2026-11-06")
    messages, answered = figures.figure("messages_in"), figures.figure("share_answered")
    assert (messages.value, messages.before, messages.change, messages.direction) == (0, 3, -1, "down")
    assert (answered.value, answered.n, answered.before, answered.before_n) == (None, 0, 1, 3)
    assert answered.change is None and answered.direction == "unknown"


async def test_the_period_before_is_counted_in_part(db: Database) -> None:
    """The log begins within it: it is said, and compared all the same."""
    log = Log(db)
    amal = await log.person("web")
    await log.says(amal, "web", at("2026-11-05 10:00"))
    await log.says(amal, "web", at("2026-11-09 10:00"))
    figures = await measured(db, "2026-11-08", "2026-11-11")
    assert figures.before == Period("own", date(2026, 11, 4), date(2026, 11, 7))
    assert figures.covered == "partly"
    assert (figures.figure("people").value, figures.figure("people").before) == (1, 1)


async def test_conversations_end_after_two_quiet_hours(db: Database) -> None:
    """The silence is one of the person, on all channels, and midnight does not end a conversation."""
    log = Log(db)
    amal = await log.person("telegram", "whatsapp")
    await log.says(amal, "telegram", at("2026-11-09 22:30"))  # 23:30 in Morocco
    await log.says(amal, "whatsapp", at("2026-11-10 00:29"))  # 1:59 later, on the next day: the same conversation
    await log.says(amal, "telegram", at("2026-11-10 02:29"))  # two hours later: another one
    figures = await measured(db, "2026-11-10")
    conversations = figures.figure("conversations")
    assert (conversations.value, conversations.before) == (1, 1)
    channels = {row.key: [each.value for each in row.figures] for row in figures.table("channels").rows}
    # People, conversations, messages in, messages out, share answered.
    assert channels == {"telegram": [1, 1, 1, 1, 1], "whatsapp": [1, 0, 1, 1, 1]}
    assert figures.figure("people").value == 1


async def test_people_are_counted_once_a_stretch_and_once_in_all(db: Database) -> None:
    log = Log(db)
    amal, badr = await log.person("web"), await log.person("web")
    # Monday, Tuesday and Sunday of a week; Monday of the next.
    for day in ("02", "03", "08", "09"):
        await log.says(amal, "web", at(f"2026-11-{day} 10:00"))
    await log.says(badr, "web", at("2026-11-03 10:00"))
    figures = await measured(db, "2026-11-02", "2026-11-10", step="week")
    points = figures.curve("people").points
    assert [(each.first.day, each.last.day, each.value) for each in points] == [(2, 8, 2), (9, 10, 1)]
    assert figures.figure("people").value == 2 and figures.figure("messages_in").value == 5
    assert [each.value for each in (await measured(db, "2026-11-02", "2026-11-04")).curve("people").points] == [1, 2, 0]


async def test_times_to_answer(db: Database) -> None:
    """By channel; the nearest rank; what was never sent has none; the team's from the request to its first message."""
    log = Log(db)
    amal, badr = await log.person("telegram"), await log.person("whatsapp")
    for number in range(1, 21):
        await log.says(amal, "telegram", at(f"2026-11-10 09:{number:02}"), took_s=float(number))
    await log.says(
        badr, "whatsapp", at("2026-11-10 11:00"), took_s=None, reply_state="failed", reply_error="63016: closed"
    )
    opened = at("2026-11-10 12:00")
    await log.add(
        StaffRequest(contact_id=badr["contact"], kind="human", opened_at=opened),
        # The first counts, on the day it was written.
        *(
            Message(contact_id=badr["contact"], identity_id=badr["whatsapp"], direction="out", channel="whatsapp",
                    state="sent", text="Bonjour", created_at=at(when), finished_at=at(when))
            for when in ("2026-11-11 12:00", "2026-11-11 13:00", "2026-11-12 09:00")
        ),
    )  # fmt: skip
    figures = await measured(db, "2026-11-10")
    rows = {row.key: [each.value for each in row.figures] for row in figures.table("responses").rows}
    # The 10th and the 19th of 1 to 20 seconds, to within 2.5 %.
    assert rows["telegram"] == [20, pytest.approx(10, rel=ERROR), pytest.approx(19, rel=ERROR)]
    assert rows["staff"] == [0, None, None] and "whatsapp" not in rows
    figures = await measured(db, "2026-11-11")
    assert figures.figure("staff_median_s").value == pytest.approx(24 * 3600, rel=ERROR)
    assert figures.figure("staff_median_s").n == 1
    assert (await measured(db, "2026-11-12")).figure("staff_median_s").value is None


async def test_what_is_not_delivered(db: Database) -> None:
    """By channel and cause, of what was sent or given up; a STOP, or the end of a campaign, is no failure."""
    log = Log(db)
    amal = await log.person("whatsapp")
    for state, error in (
        ("sent", None), ("delivered", None), ("read", None), ("queued", None), ("failed", "63016: outside the window"),
        ("undeliverable", "the person blocked us"), ("undeliverable", "21610: opted out"),
        ("undeliverable", "channel whatsapp is not configured"),
        ("undeliverable", "the person asked for no more messages"), ("failed", "something without a code"),
        ("undeliverable", "the campaign was stopped"),
    ):  # fmt: skip
        await log.says(amal, "whatsapp", at("2026-11-10 10:00"), reply_state=state, reply_error=error)
    figures = await measured(db, "2026-11-10")
    assert (figures.figure("share_undelivered").value, figures.figure("share_undelivered").n) == (5 / 8, 8)
    rows = {row.key: [each.value for each in row.figures] for row in figures.table("delivery").rows}
    assert rows == {
        "whatsapp|blocked": [2, 2 / 8],
        "whatsapp|63016": [1, 1 / 8],
        "whatsapp|other": [1, 1 / 8],
        "whatsapp|unserved": [1, 1 / 8],
    }


async def test_satisfaction(db: Database) -> None:
    """Thumbs of the day they were given; who was asked and said nothing is in neither share of thumbs."""
    log = Log(db)
    people = [await log.person("web") for _ in range(4)]
    await log.says(people[0], "web", at("2026-11-09 10:00"))
    asked = at("2026-11-09 20:00")
    rated_at = ("2026-11-09 20:01", "2026-11-10 08:00", "2026-11-10 09:00", None)
    for person, value, rated in zip(people, ("up", "up", "down", None), rated_at, strict=True):
        await log.add(
            Rating(
                contact_id=person["contact"],
                answer_key="programmes_ranked",
                value=value,
                asked_at=asked,
                rated_at=None if rated is None else at(rated),
            )
        )
    figures = await measured(db, "2026-11-09", "2026-11-10")
    satisfied, rated_share = figures.figure("share_satisfied"), figures.figure("share_rated")
    assert (satisfied.value, satisfied.n, rated_share.value, rated_share.n) == (2 / 3, 3, 3 / 4, 4)
    figures = await measured(db, "2026-11-10")
    assert (figures.figure("share_satisfied").value, figures.figure("share_satisfied").before) == (1 / 2, 1)
    # Nobody was asked on that day.
    assert figures.figure("share_rated").value is None


async def test_the_way_to_an_application(db: Database) -> None:
    """Each step counts who took the one before, on the same day or earlier."""
    log = Log(db)
    people = [await log.person("web") for _ in range(5)]
    begins = {"entry": "begins", "asking": "diploma"}

    async def step(person: dict[str, int], journey: str, day: str, **lookup: object) -> None:
        action = f"validate_{journey}_form"
        await log.looks_up(person, at(f"2026-11-{day} 10:00"), action=action, lookup=begins | lookup)

    async def applies(person: dict[str, int], day: str) -> None:
        number = person["contact"]
        await log.add(Application(
            reference=f"JIT-{number:06}", contact_id=number, full_name="X", phone="+212600000000", email="x@x.example",
            city_slug="rabat", diploma="bac", situation="student", track_slug="undecided",
            created_at=at(f"2026-11-{day} 12:00"),
        ))  # fmt: skip

    for person in people:
        await log.says(person, "web", at("2026-11-02 09:00"))
    whole, stopped, direct, backwards, early = people
    for day, journey in (("02", "eligibility"), ("02", "preregistration")):
        await step(whole, journey, day)
    await applies(whole, "04")
    await step(stopped, "eligibility", "03")
    await step(direct, "preregistration", "03")
    await applies(direct, "03")
    # Pre-registered first, and asked whether they are eligible afterwards.
    await step(backwards, "preregistration", "03")
    await step(backwards, "eligibility", "05")
    # A form that was refused asks nothing, and was not begun.
    await step(early, "eligibility", "03", asking=None)
    figures = await measured(db, "2026-11-02", "2026-11-08")
    steps = figures.funnel("application").steps
    assert [(each.key, each.figure.value) for each in steps] == [
        ("eligibility_begun", 3), ("preregistration_begun", 1), ("application", 1),
    ]  # fmt: skip
    assert figures.figure("applications").value == 2


async def test_the_way_to_an_event(db: Database) -> None:
    """Seen in an answer, registered for that one afterwards, came; another event, or before it was seen, is not."""
    log = Log(db)
    await log.add(*(Event(slug=slug, name=slug.title(), status="confirmed") for slug in ("forum", "salon")))
    came, registered, saw, other, before = [await log.person("web") for _ in range(5)]
    for person in (came, registered, saw, other, before):
        await log.says(person, "web", at("2026-11-03 09:00"))
        shown = {"events": ["forum"]}
        await log.looks_up(person, at("2026-11-03 10:00"), outcome="events_upcoming", shown=shown)
    # An event that nobody found is not shown, though it is named.
    await log.looks_up(saw, at("2026-11-03 10:00"), outcome="event_unknown", shown={"events": ["salon"]})

    def place(person: dict[str, int], slug: str, made: str, let_in: str | None = None) -> Registration:
        return Registration(
            reference=f"EVT-{person['contact']:06}", contact_id=person["contact"], event_slug=slug, state="registered",
            created_at=at(made), came_at=None if let_in is None else at(let_in),
        )  # fmt: skip

    await log.add(
        place(came, "forum", "2026-11-03 11:00", "2026-11-05 09:00"),
        place(registered, "forum", "2026-11-04 11:00", "2026-11-09 09:00"),  # came after the period
        place(other, "salon", "2026-11-04 11:00"),
        place(before, "forum", "2026-11-01 11:00"),
    )
    figures = await measured(db, "2026-11-02", "2026-11-08")
    assert [each.figure.value for each in figures.funnel("events").steps] == [5, 2, 1]
    rows = {row.key: (row.name, *(each.value for each in row.figures)) for row in figures.table("events").rows}
    assert rows == {"forum": ("Forum", 5, 2, 1), "salon": ("Salon", 0, 1, 0)}
    assert (figures.figure("registrations").value, figures.figure("came").value) == (3, 1)


async def test_programmes_and_towns_of_few_people_are_not_told_apart(db: Database) -> None:
    """From five people on a town is named; a programme counts as often as it was proposed."""
    log = Log(db)
    people = [await log.person("web") for _ in range(5)]
    for number, person in enumerate(people):
        cities = ["rabat", "fes"] if number < 4 else ["rabat"]
        entities = [{"entity": "city", "value": city} for city in cities]
        await log.says(person, "web", at("2026-11-10 10:00"), entities=entities)
        shown = {"programmes": ["technopark", "tech-boost"], "wanted": {"city": cities[-1], "need": "money"}}
        await log.looks_up(person, at("2026-11-10 10:01"), outcome="programmes_ranked", shown=shown)
    await log.looks_up(
        people[0], at("2026-11-10 10:02"), outcome="programme_details", shown={"programmes": ["technopark"]}
    )
    for person in people:
        await log.looks_up(
            person, at("2026-11-10 10:03"), outcome="programmes_found",
            lookup={"city": "rabat"}, shown={"programmes": ["technopark"]},
        )  # fmt: skip
    figures = await measured(db, "2026-11-10")
    cities = figures.table("cities")
    assert [(row.key, [each.value for each in row.figures]) for row in cities.rows] == [
        ("rabat", [5, 5]), ("other", [4, 4]),
    ]  # fmt: skip
    assert cities.folded == 1
    programmes = {row.key: [each.value for each in row.figures] for row in figures.table("programmes").rows}
    assert programmes == {"technopark": [10, 5, 1], "tech-boost": [5, 5, 0]}
    matches = figures.table("matches")
    assert [(row.key, row.figures[0].value) for row in matches.rows] == [("technopark|rabat|", 5)]
    # Both programmes for Fès (four people) and for Rabat and money (one).
    assert matches.folded == 4


async def test_a_town_with_a_sign_of_ours_in_it(db: Database) -> None:
    """What people type may have the sign that parts keys; it parts nothing, and the page does not fail for it."""
    log = Log(db)
    for _ in range(FEWEST_PEOPLE):
        person = await log.person("web")
        await log.says(person, "web", at("2026-11-10 10:00"), entities=[{"entity": "city", "value": "a|b|c"}])
        await log.looks_up(
            person, at("2026-11-10 10:03"), outcome="programmes_found",
            lookup={"city": "a|b|c", "need": "x|y"}, shown={"programmes": ["technopark"]},
        )  # fmt: skip
    figures = await measured(db, "2026-11-10")
    assert [row.key for row in figures.table("matches").rows] == ["technopark|a¦b¦c|x¦y"]
    assert [(row.key, [each.value for each in row.figures]) for row in figures.table("cities").rows] == [
        ("a¦b¦c", [5, 5]),
    ]  # fmt: skip
