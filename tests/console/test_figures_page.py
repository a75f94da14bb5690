"""The page of figures: what it says of small logs, what it refuses, and how it is on a phone and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from small_talk import Log, at
from staffed import Console, PageAs, ServedConsole, SignIn
from test_pages import check_page

from bot.clock import running_on, utc_now
from bot.console.figures.wording import show, write_number
from bot.db.engine import open_database
from bot.figures.data import Figure
from bot.figures.keeping import keep_all


@pytest.fixture
def clock() -> Iterator[None]:
    """It is 20 November 2026, noon in UTC."""
    with running_on(lambda: datetime(2026, 11, 20, 12, tzinfo=UTC)):
        yield


async def talk(log: Log, day: date) -> None:
    """Two people on a day and one on the day before; one of three messages is not understood."""
    amal, badr = await log.person("telegram"), await log.person("whatsapp", variety="ar")
    await log.says(amal, "telegram", at(f"{day - timedelta(days=1)} 10:00"))
    await log.says(amal, "telegram", at(f"{day} 10:00"), intent="jobintech_dates", took_s=2)
    await log.says(amal, "telegram", at(f"{day} 10:05"), intent="nlu_fallback", key="not_understood")
    await log.says(badr, "whatsapp", at(f"{day} 11:00"), intent="jobintech_dates", variety="ar")


async def test_a_day_beside_the_day_before(any_console: Console, clock: None) -> None:
    """Numbers, changes in words, links to the conversations behind a number; on both databases."""
    await talk(Log(any_console.db), date(2026, 11, 18))
    await keep_all(any_console.db)
    client = await any_console.sign_in("analyst")
    answer = await client.get("/figures", params={"from": "2026-11-18", "to": "2026-11-18"})
    page = answer.text.replace("\u202f", " ").replace("\xa0", " ")
    assert answer.status_code == 200
    assert "18 novembre 2026" in page and "Comparé à la période précédente : 17 novembre 2026" in page
    # People went from one to two, messages from one to three.
    assert "hausse de 100 %" in page and "hausse de 200 %" in page
    assert "66,7 %" in page and "33,3 %" in page
    day = "from=2026-11-18&amp;to=2026-11-18"
    for link in ("fallback=1", "intent=jobintech_dates", "channel=whatsapp", "variety=ar"):
        assert f'href="/console/conversations?{link}&amp;{day}"' in page
    assert 'style="' not in page and "pas de données" in page


async def test_an_empty_log(signed_in: SignIn, clock: None) -> None:
    """Nothing is said to be nothing yet, and no share is 0 %."""
    page = (await (await signed_in("editor")).get("/figures")).text
    assert "Personne n&#39;a encore écrit" in page or "Personne n'a encore écrit" in page
    assert "0 %" not in page and "pas de données" in page and "Pas de données sur cette période." in page


async def test_days_that_are_not_counted_yet_are_told(console: Console, clock: None) -> None:
    await talk(Log(console.db), date(2026, 11, 18))
    client = await console.sign_in("adviser")
    page = (await client.get("/figures?period=last-7-days")).text
    # The 17th, the 18th and the 19th, of which the log has something.
    assert "absents de ces chiffres\u00a0: 3" in page and "il n&#39;y a pas de comparaison" in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("period=2026-13", "un mois comme 2026-11"),
        ("period=2027", "pas encore commencé"),
        ("from=2026-11-09&to=2026-11-02", "Le premier jour doit venir avant"),
        ("from=hier&to=2026-11-02", "Écrivez-la comme 2026-11-23"),
        ("from=2026-11-02", "le premier et le dernier jour"),
        ("from=2025-01-01&to=2026-11-02", "366 jours au plus"),
        ("step=hour", "par jour, par semaine ou par mois"),
        ("period=%00%3Cscript%3E", "un mois comme 2026-11"),
    ],
)
async def test_what_is_no_period_is_said_and_kept(signed_in: SignIn, clock: None, query: str, said: str) -> None:
    """The page says what is wrong beside the field, keeps what was typed, and shows the usual period."""
    answer = await (await signed_in()).get(f"/figures?{query}")
    assert answer.status_code == 422 and said in answer.text and "<script>" not in answer.text
    assert "du 21 octobre 2026 au 19 novembre 2026" in answer.text
    if query.startswith("from=2026-11-09"):
        assert 'value="2026-11-09"' in answer.text and 'value="2026-11-02"' in answer.text


async def test_leafing_through_months(signed_in: SignIn, clock: None) -> None:
    """A month leads to months; the running one to none after it."""
    client = await signed_in()
    page = (await client.get("/figures?period=2026-10&step=week")).text
    assert 'href="/console/figures?period=2026-09&amp;step=week"' in page
    assert 'href="/console/figures?period=2026-11&amp;step=week"' in page
    assert "period=2026-12" not in (await client.get("/figures?period=2026-11")).text


def test_numbers_in_words() -> None:
    """No data is said; what moved by less than is shown did not move; a first number has no per cent."""
    assert write_number("fr", None, "share") == "pas de données" and write_number("en", 0.0, "share") == "0%"
    assert write_number("fr", 0.4567, "share").replace("\xa0", " ").replace("\u202f", " ") == "45,7 %"
    assert [write_number("en", value, "seconds") for value in (0.1, 9.96, 59.4)] == ["0.1 s", "10 s", "59 s"]
    assert show("en", Figure("x", "share", 0.5004, 9, 0.5, 9)).change == "no change"
    assert show("en", Figure("x", "count", 3, 3, 0, 0)).change == "new"
    assert show("en", Figure("x", "share", 0.5, 9, 0.45, 9)).change == "up by 5 points"
    assert show("fr", Figure("x", "share", 0.506, 9, 0.5, 9)).change == "hausse de 0,6 point"
    unknown = show("en", Figure("x", "share", None, 0, 0.45, 9))
    assert (unknown.value, unknown.before, unknown.change, unknown.arrow) == ("no data", "45%", "", "")


def test_on_a_phone_and_on_paper(page_as: PageAs, served: ServedConsole) -> None:
    """A table is folded on a phone and opens; on paper all tables are there, beside their charts, and no forms."""
    yesterday = utc_now().date() - timedelta(days=1)

    async def fill() -> None:
        db = open_database(served.running.settings.database_url)
        await talk(Log(db), yesterday)
        await keep_all(db)
        await db.aclose()

    served.act(fill())
    page = page_as("analyst", language="ar")
    page.goto(f"/console/figures?from={yesterday}&to={yesterday}")
    exhibit = page.locator("article", has=page.locator("#title-channels"))
    table = exhibit.locator(".fg-table")
    assert exhibit.locator("svg[role=img]").is_visible() and not table.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    exhibit.locator("summary").click()
    assert table.is_visible()
    check_page(page)
    page.emulate_media(media="print")
    folded = page.locator("article", has=page.locator("#title-varieties")).locator(".fg-table")
    assert folded.is_visible() and not page.locator(".fg-choose").is_visible()
    page.emulate_media(media="screen")
    page.get_by_label("شهر أو سنة").fill("2026-13")
    page.get_by_label("شهر أو سنة").press("Enter")
    page.get_by_text("اكتبوا شهرا").wait_for()
