"""What figures are made with: periods, percentiles, packed people, rising topics, charts."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET
from datetime import date

import pytest

from bot.figures.charts import Bar, Texts, draw_bars, draw_columns, draw_funnel, draw_lines
from bot.figures.counting import find_cause, find_outcome
from bot.figures.crowds import pack, unpack
from bot.figures.data import Figure, Funnel, FunnelStep, Point, Series
from bot.figures.period import MOVING, Period, PeriodError, read_step
from bot.figures.times import ERROR, find_bucket, find_quantile
from bot.figures.topics import find_rising, score_topic

TODAY = date(2026, 11, 28)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("asked", "first", "last", "before_first", "before_last"),
    [
        ({}, "2026-10-29", "2026-11-27", "2026-09-29", "2026-10-28"),
        ({"period": "today"}, "2026-11-28", "2026-11-28", "2026-11-27", "2026-11-27"),
        ({"period": "yesterday"}, "2026-11-27", "2026-11-27", "2026-11-26", "2026-11-26"),
        ({"period": "last-7-days"}, "2026-11-21", "2026-11-27", "2026-11-14", "2026-11-20"),
        ({"period": "this-month"}, "2026-11-01", "2026-11-28", "2026-10-01", "2026-10-28"),
        ({"period": "2026-11"}, "2026-11-01", "2026-11-28", "2026-10-01", "2026-10-28"),
        ({"period": "last-month"}, "2026-10-01", "2026-10-31", "2026-09-01", "2026-09-30"),
        ({"period": "2026-03"}, "2026-03-01", "2026-03-31", "2026-02-01", "2026-02-28"),
        ({"period": "2025-01"}, "2025-01-01", "2025-01-31", "2024-12-01", "2024-12-31"),
        ({"period": "2025"}, "2025-01-01", "2025-12-31", "2024-01-01", "2024-12-31"),
        ({"period": "this-year"}, "2026-01-01", "2026-11-28", "2025-01-01", "2025-11-28"),
        ({"from": "2026-11-02", "to": "2026-11-08"}, "2026-11-02", "2026-11-08", "2026-10-26", "2026-11-01"),
        ({"from": "2024-01-01", "to": "2024-12-31"}, "2024-01-01", "2024-12-31", "2022-12-31", "2023-12-31"),
    ],
)
def test_periods_and_those_before(
    asked: dict[str, str], first: str, last: str, before_first: str, before_last: str
) -> None:
    period = Period.parse(asked, TODAY)
    assert (f"{period.first}", f"{period.last}") == (first, last)
    assert (f"{period.before.first}", f"{period.before.last}") == (before_first, before_last)
    assert Period.parse(period.as_parameters(), TODAY) == period


def test_the_whole_of_february_is_compared_with_the_whole_of_january() -> None:
    """And while March is on its 30th day, all of February is."""
    assert Period.parse({"period": "2026-02"}, TODAY).before.days == 31
    assert Period.parse({"period": "this-month"}, date(2026, 3, 30)).before.days == 28
    assert Period.parse({"period": "2024-02"}, TODAY).days == 29


@pytest.mark.parametrize(
    ("asked", "parameter", "code"),
    [
        ({"period": "last-decade"}, "period", "unknown"),
        ({"period": "last-31-days"}, "period", "unknown"),
        ({"period": "own"}, "period", "unknown"),
        ({"period": "2026-13"}, "period", "unknown"),
        ({"period": "٢٠٢٦"}, "period", "unknown"),
        ({"period": "2026-12"}, "period", "future"),
        ({"period": "2019"}, "period", "early"),
        ({"period": "0000"}, "period", "early"),
        ({"from": "2026-11-01"}, "to", "missing"),
        ({"to": "2026-11-01"}, "from", "missing"),
        ({"from": "1/11/2026", "to": "2026-11-02"}, "from", "day"),
        ({"from": "2026-11-01", "to": "2026-11-31"}, "to", "day"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "from", "order"),
        ({"from": "2026-11-02", "to": "2026-11-29"}, "to", "future"),
        ({"from": "2025-11-01", "to": "2026-11-02"}, "from", "long"),
        ({"from": "0001-01-01", "to": "0001-01-02"}, "from", "early"),
    ],
)
def test_what_is_no_period(asked: dict[str, str], parameter: str, code: str) -> None:
    """The error names what is wrong."""
    with pytest.raises(PeriodError, match=f"^{parameter}: ") as raised:
        Period.parse(asked, TODAY)
    assert (raised.value.parameter, raised.value.code) == (parameter, code)


def test_every_period_can_be_asked_for_on_every_day() -> None:
    """Through two years, the 29th of February in them: none ends before it begins, or overlaps the one before."""
    for number in range(0, 800):
        day = date.fromordinal(date(2023, 12, 1).toordinal() + number)
        for name in (*MOVING, f"{day:%Y-%m}", f"{day:%Y}"):
            period = Period.named(name, day)
            assert period.before.first <= period.before.last < period.first <= period.last <= day
            stretches = [period.split(step) for step in ("day", "week", "month")]  # type: ignore[arg-type]
            for found in stretches:
                assert (found[0][0], found[-1][1]) == (period.first, period.last)
                assert sum((last - first).days + 1 for first, last in found) == period.days


def test_a_step_that_there_is_not() -> None:
    period = Period.named("last-7-days", TODAY)
    assert read_step("", period) == "day" and read_step("month", period) == "month"
    with pytest.raises(PeriodError, match="step: 'hour' is none of day, week, month"):
        read_step("hour", period)


def test_percentiles_are_right_to_within_their_error() -> None:
    """Against the sorted lengths themselves, from a tenth of a second to days; of nothing there is none."""
    dice = random.Random(3)
    for _ in range(50):
        lengths = sorted(dice.lognormvariate(1, 2) + 0.1 for _ in range(dice.randrange(1, 400)))
        buckets: dict[int, int] = {}
        for length in lengths:
            buckets[find_bucket(length)] = buckets.get(find_bucket(length), 0) + 1
        for share in (0.5, 0.95, 1.0):
            rank = -int(-share * len(lengths) // 1)
            assert find_quantile(buckets, share) == pytest.approx(lengths[rank - 1], rel=ERROR + 1e-9)
    assert find_quantile({}, 0.5) is None
    assert find_bucket(-3) == find_bucket(0) == 0 and find_quantile({0: 1}, 0.5) == 0.1


def test_people_are_packed_and_unpacked() -> None:
    people = {("channel", "web"): {3, 1, 4_294_967_295}, ("city", "fès\n|x"): {7}, ("step", "none"): set()}
    found = {(kind, key): set(numbers) for kind, key, numbers in unpack(pack(people))}
    assert found == people
    assert list(unpack(b"")) == [] and list(unpack(pack({}))) == []


@pytest.mark.parametrize(
    ("state", "keys", "outcome"),
    [
        ("answered", {"utter_greet"}, "answered"),
        ("answered", {"ask_full_name"}, "answered"),
        ("answered", {"utter_greet", "did_you_mean"}, "asked_back"),
        ("answered", {"not_understood"}, "not_understood"),
        ("answered", {"clarify_again"}, "not_understood"),
        ("answered", {"utter_out_of_scope"}, "out_of_scope"),
        ("answered", {"human_requested", "did_you_mean"}, "handed_over"),
        ("answered", None, "to_staff"),
        ("failed", {"apology"}, "failed"),
        ("received", None, "open"),
    ],
)
def test_outcomes(state: str, keys: set[str] | None, outcome: str) -> None:
    assert find_outcome(state, None if keys is None else frozenset(keys)) == outcome


def test_causes() -> None:
    assert find_cause("failed", "63016: text") == "63016" and find_cause("failed", "") == "other"
    assert find_cause("failed", "a long sentence: text") == "other"


def test_rising_topics() -> None:
    """A doubled share of many messages rises; the same share of fewer, noise, and politeness do not."""
    before = {"a": 100, "b": 100, "c": 800, "greet": 500}
    rising = find_rising({"a": 200, "b": 105, "c": 795, "greet": 5_000, "d": 9}, before)
    assert [topic.intent for topic in rising] == ["a"]
    assert (rising[0].n, rising[0].before_n) == (200, 100)
    assert (rising[0].share, rising[0].before_share) == (200 / 1109, 0.1)
    # By hand: ln(200.5/909.5) - ln(100.5/900.5) over the root of the sum of 1/200.5, 1/909.5, 1/100.5 and 1/900.5.
    assert rising[0].score == pytest.approx(5.198, abs=0.001)
    assert [topic.intent for topic in find_rising({"d": 40, "c": 960}, {"c": 1000})] == ["d"]
    assert find_rising({"a": 40}, {"a": 1, "c": 1000}) == () == find_rising({"a": 900}, {"c": 40})
    assert score_topic(10, 100, 10, 100) == 0


def _texts(*, is_rtl: bool = False) -> Texts:
    return Texts("chart-x", "Titre <1>", "Voir le tableau", "nov.", "oct.", lambda value: f"{value:g}", is_rtl=is_rtl)


def _draw_all(*, is_rtl: bool = False, size: float = 1) -> list[str]:
    texts = _texts(is_rtl=is_rtl)
    days = [date(2026, 11, number) for number in range(1, 6)]
    points = tuple(Point(day, day, None if day.day == 3 else day.day * size) for day in days)
    before = tuple(Point(day, day, 2 * size) for day in days[:4])
    bars = [
        Bar("Tétouan & <Fès>", Figure("x", "count", 3 * size, 3, 2 * size, 2)),
        Bar("", Figure("x", "count", None, 0)),
    ]
    steps = tuple(FunnelStep(f"{number}", Figure("x", "count", number * size, 1)) for number in (3, 2, 0))
    return [
        draw_lines(Series("x", "count", points, before), texts),
        draw_bars(bars, texts),
        draw_columns(bars, texts),
        draw_funnel(Funnel("x", steps), ["A", "B", "C"], texts, lambda share: f"{share:.0%}"),
    ]


@pytest.mark.parametrize("size", [0, 0.001, 1, 123_456_789])
@pytest.mark.parametrize("is_rtl", [False, True])
def test_charts_are_whole_images(*, is_rtl: bool, size: float) -> None:
    """Well-formed, named for screen readers, without style or script; all within the frame; nothing not a number."""
    for drawn in _draw_all(is_rtl=is_rtl, size=size):
        chart = ET.fromstring(drawn)
        assert chart.get("role") == "img" and chart.get("aria-labelledby") == "chart-x-title chart-x-desc"
        assert chart.findtext(f"{SVG}title") == "Titre <1>"
        assert not any("style" in each.attrib or each.tag in (f"{SVG}script", f"{SVG}style") for each in chart.iter())
        assert "nan" not in drawn and "inf" not in drawn
        _, _, width, height = map(float, (chart.get("viewBox") or "").split())
        for each in chart.iter():
            for name, limit in (
                ("x", width),
                ("x1", width),
                ("x2", width),
                ("cx", width),
                ("y", height),
                ("cy", height),
            ):
                assert 0 <= float(each.get(name, "0")) <= limit, (each.tag, each.attrib)


def test_right_to_left_is_the_mirror_image() -> None:
    """Bars begin at the right, and time runs from there."""
    left, right = _draw_all()[1], _draw_all(is_rtl=True)[1]
    bars = [ET.fromstring(drawn).findall(f"{SVG}rect") for drawn in (left, right)]
    for one, other in zip(*bars, strict=True):
        end = float(other.get("x", "")) + float(other.get("width", ""))
        assert float(one.get("x", "")) == pytest.approx(420 - end, abs=0.11)


def test_a_gap_breaks_the_curve() -> None:
    """Without data there is no point, and no line through where it would be."""
    drawn = ET.fromstring(_draw_all()[0])
    assert len(drawn.findall(f"{SVG}circle")) == 4
    lines = [each.get("points", "") for each in drawn.findall(f"{SVG}polyline") if each.get("class") == "now-line"]
    assert [len(line.split()) for line in lines] == [2, 2]
