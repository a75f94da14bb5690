"""What comes to the chat page without being asked for: staff, reminders, notices. Time passes by Playwright's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from reader import open_page, say
from running import RunningApp, free_port, make_settings, sqlite_url, wait_until
from scripted_app import WELCOME, ScriptedApp

from bot import staff
from bot.page import load_labels

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STAFF_ARABIC = "مرحبا، معك سلمى من فريق JobInTech: يمكنك الحضور يوم الاثنين."
TITLE = load_labels()["fr"]["title"]


@pytest.fixture
def stopped(page: Page, app: ScriptedApp) -> Page:
    """The page after the welcome, a minute later, its clock stopped: time passes by `pass_s` only."""
    page.clock.install(time=START)
    open_page(page)
    # Counts how often the page planned its next question, the last thing that it does after an answer.
    page.evaluate(
        "() => { const plan = setTimeout; window.plans = 0; window.setTimeout = (work, ...rest) =>"
        " { if (work.name === 'askUpdates') window.plans += 1; return plan(work, ...rest); }; }"
    )
    # The jump ends the pause that was going on, and the page asks once.
    with asking(page):
        page.clock.pause_at(START.replace(minute=1))
    app.asked.clear()
    return page


@contextmanager
def asking(page: Page) -> Iterator[None]:
    """A block in which the page asks for what is new; it ends when the answer is read and the next pause has begun."""
    before = page.evaluate("() => window.plans")
    with page.expect_response("**/web/updates"):
        yield
    wait_until(lambda: page.evaluate("() => window.plans") > before, what="the next pause")
    settle(page)


def settle(page: Page) -> None:
    """Let the page do what it can do now."""
    page.evaluate(
        "async () => { for (let n = 0; n < 20; n++) await new Promise((go) => {"
        " const way = new MessageChannel(); way.port1.onmessage = go; way.port2.postMessage(0); }); }"
    )


def pass_s(page: Page, seconds: float, app: ScriptedApp, asks: int = 1) -> None:
    """Let time pass, in which the page asks once for what is new, or not at all."""
    before = len(app.asked)
    with asking(page) if asks else nullcontext():
        page.clock.run_for(int(seconds * 1000))
    settle(page)
    assert len(app.asked) - before == asks


def talk(page: Page) -> None:
    """Say something and wait for the answer: from now on the page asks often, for two minutes."""
    before = page.locator(".bot").count()
    say(page, "Bonsoir")
    expect(page.locator(".bot")).to_have_count(before + 1)
    settle(page)


def hide(page: Page, hidden: bool) -> None:
    """Put the page behind another tab, or show it again, as far as the page can know."""
    page.evaluate(
        "(hidden) => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )
    settle(page)


def distance_from_end(page: Page) -> float:
    """Pixels between the visible part and the end of the conversation."""
    return float(page.locator("#scroll").evaluate("(box) => box.scrollHeight - box.scrollTop - box.clientHeight"))


# --- what is shown ------------------------------------------------------------------------------------------------


def test_words_of_staff_appear(stopped: Page, app: ScriptedApp) -> None:
    """A message that nobody asked for appears within seconds, right to left if Arabic; the page stays as it is."""
    page = stopped
    page.locator("#text").fill("un brouillon")
    app.write(STAFF_ARABIC, "ar", [{"title": "موافق", "payload": "/affirm"}])
    pass_s(page, 3, app)
    expect(page.locator(".bot .text")).to_have_text([WELCOME, STAFF_ARABIC], use_inner_text=True)
    expect(page.locator(".bot .text").last).to_have_attribute("dir", "rtl")
    expect(page.locator(".bot .text").last).to_have_attribute("lang", "ar")
    expect(page.locator(".bot .text").first).to_have_attribute("dir", "ltr")
    # The welcome's choices are over; the new message has its own.
    expect(page.locator(".choice")).to_have_text(["موافق"])
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.locator("#text")).to_have_value("un brouillon")
    expect(page.locator("#text")).to_be_focused()
    expect(page).to_have_title(TITLE)
    assert [ask["sender"] for ask in app.asked] == [app.received[0]["sender"]]
    assert app.asked[0]["after"] > 0  # the welcome's number, which the first question after it confirmed


@pytest.mark.parametrize(
    ("text", "variety", "direction"),
    [
        ("Bonjour, ici Salma.", "ar", "ltr"),
        ("مرحبا معك سلمى", "fr", "rtl"),
        ("JobInTech: https://jobintech-uca.ma كاين", "ary-Arab", "rtl"),
        ("Le mot « مجاني » veut dire gratuit.", "fr", "ltr"),
        ("12:30", "ar", "rtl"),
    ],
)
def test_staff_write_in_any_language(stopped: Page, app: ScriptedApp, text: str, variety: str, direction: str) -> None:
    """A message reads in the direction of its words, whatever the person's variety is."""
    app.write(text, variety)
    pass_s(stopped, 3, app)
    expect(stopped.locator(".bot .text").last).to_have_text(text)
    expect(stopped.locator(".bot .text").last).to_have_attribute("dir", direction)


def test_a_message_appears_once(stopped: Page, app: ScriptedApp) -> None:
    """Neither asking again nor a reload shows it twice, and its choices are still there after the reload."""
    page = stopped
    app.write("Rappel : c'est demain.", buttons=[{"title": "Je viens", "payload": "/affirm"}])
    for _ in range(3):
        pass_s(page, 3, app)
    expect(page.locator(".bot")).to_have_count(2)
    with page.expect_response("**/web/updates"):  # at once, without a pause
        page.reload()
    expect(page.locator(".bot")).to_have_count(2)
    expect(page.locator(".choice")).to_have_text(["Je viens"])
    assert app.asked[0]["after"] < app.asked[1]["after"] == app.asked[-1]["after"]


def test_nothing_is_lost_beside_an_answer(stopped: Page, app: ScriptedApp) -> None:
    """What was stored shortly before an answer is shown, though the answer, with a higher number, came first."""
    page = stopped
    app.write("Le bot est de retour.")
    say(page, "Bonsoir")
    expect(page.locator(".bot .text").last).to_have_text("Vous avez dit : Bonsoir")
    pass_s(page, 3, app)
    expect(page.locator(".bot .text").last).to_have_text("Le bot est de retour.")
    expect(page.locator(".bot")).to_have_count(3)


def test_nothing_is_lost_beside_an_answer_that_overtakes(stopped: Page, app: ScriptedApp) -> None:
    """An answer that comes while a question for news is on its way does not stand for what was stored before it."""
    page = stopped
    held: list[Route] = []
    page.route("**/web/updates", lambda route: held.append(route))
    page.clock.run_for(3_000)
    wait_until(lambda: settle(page) or held, what="the question")
    nothing = held[0].fetch()
    app.write("Le bot est de retour.")
    talk(page)
    with asking(page):
        held[0].fulfill(response=nothing)
    page.unroute("**/web/updates")
    pass_s(page, 3, app)
    expect(page.locator(".bot .text").last).to_have_text("Le bot est de retour.")


def test_a_message_comes_while_an_answer_is_awaited(stopped: Page, app: ScriptedApp) -> None:
    """It is shown once, the answer follows, and the page goes on saying that one is coming."""
    page = stopped
    app.delay_s = 1.5
    say(page, "Bonsoir")
    app.write("Ici Salma.")
    pass_s(page, 3, app)
    expect(page.locator(".bot .text").last).to_have_text("Ici Salma.")
    expect(page.locator("#typing .dots")).to_have_count(1)
    expect(page.locator(".bot .text").last).to_have_text("Vous avez dit : Bonsoir")
    pass_s(page, 3, app)
    expect(page.locator(".bot")).to_have_count(3)


def test_no_reply_is_no_failure(stopped: Page, app: ScriptedApp) -> None:
    """While staff have the conversation a message has no reply: it shows as sent, and nothing is said in their name."""
    page = stopped
    app.is_held = True
    say(page, "Vous êtes là ?")
    expect(page.locator(".you .text")).to_have_text("Vous êtes là ?")
    expect(page.locator(".pending")).to_have_count(0)
    expect(page.locator("#typing")).to_be_empty()
    expect(page.locator(".failure")).to_have_count(0)
    expect(page.locator(".bot")).to_have_count(1)
    app.write("Oui, bonjour.")
    pass_s(page, 3, app)
    expect(page.locator(".bot .text").last).to_have_text("Oui, bonjour.")


def test_an_older_conversation_is_completed(stopped: Page, app: ScriptedApp) -> None:
    """A conversation that was stored before the page asked for news gets all of them, after what it has."""
    page = stopped
    app.write("un")
    app.write("deux")
    page.evaluate(
        "() => { const state = JSON.parse(localStorage.getItem('mnc-chat')); delete state.seen;"
        " for (const message of state.history) message.id = `1-${message.id}`;"
        " localStorage.setItem('mnc-chat', JSON.stringify(state)); }"
    )
    page.reload()
    expect(page.locator(".bot .text")).to_have_text([WELCOME, "un", "deux"], use_inner_text=True)
    assert app.asked[0]["after"] == 0


def test_a_new_conversation_has_its_own_news(stopped: Page, app: ScriptedApp) -> None:
    """After a new beginning, what was written to the old sender does not come."""
    page = stopped
    app.write("à l'ancienne conversation")
    held: list[Route] = []
    page.route("**/web/updates", lambda route: held.append(route))
    page.clock.run_for(3_000)
    wait_until(lambda: settle(page) or held, what="the question")
    page.locator("#restart").click()
    page.locator("#confirm-yes").click()
    expect(page.locator(".bot .text")).to_have_text([WELCOME], use_inner_text=True)
    with asking(page):
        held[0].continue_()
    page.unroute("**/web/updates")
    pass_s(page, 3, app)
    app.write("à la nouvelle")
    pass_s(page, 3, app)
    expect(page.locator(".bot .text")).to_have_text([WELCOME, "à la nouvelle"], use_inner_text=True)


# --- what is not disturbed ------------------------------------------------------------------------------------------


def test_who_reads_above_is_not_moved(stopped: Page, app: ScriptedApp) -> None:
    """The conversation scrolls to the new message for who is at its end, and for nobody else."""
    page = stopped
    say(page, "long")
    expect(page.locator(".bot")).to_have_count(2)
    page.locator("#scroll").evaluate("(box) => box.scrollTo({ top: 120, behavior: 'instant' })")
    app.write("Ici Salma.")
    pass_s(page, 3, app)
    expect(page.locator(".bot")).to_have_count(3)
    assert page.locator("#scroll").evaluate("(box) => box.scrollTop") == 120
    page.locator("#scroll").evaluate("(box) => box.scrollTo({ top: box.scrollHeight, behavior: 'instant' })")
    app.write("Toujours là ?")
    pass_s(page, 3, app)
    expect(page.locator(".bot .bubble").last).to_be_in_viewport(ratio=1)
    assert distance_from_end(page) < 2


def test_a_long_message_is_read_from_its_beginning(stopped: Page, app: ScriptedApp) -> None:
    """Of a message that is longer than the screen the beginning shows."""
    app.write("\n".join(["Début"] + ["ligne"] * 80))
    pass_s(stopped, 3, app)
    box, view = stopped.locator(".bot .bubble").last.bounding_box(), stopped.locator("#scroll").bounding_box()
    assert box and view and view["y"] <= box["y"] < view["y"] + 100


def test_the_focus_stays_in_its_place(stopped: Page, app: ScriptedApp) -> None:
    """A choice that had the focus goes away with the old choices; its message has the focus then."""
    page = stopped
    page.get_by_role("button", name="Les formations").focus()
    app.write("Ici Salma.")
    pass_s(page, 3, app)
    expect(page.locator(".choice")).to_have_count(0)
    expect(page.locator(".bot").first).to_be_focused()


def test_a_hidden_page_counts(stopped: Page, app: ScriptedApp) -> None:
    """While the page is hidden its title counts what came; shown again it asks at once and counts no more."""
    page = stopped
    hide(page, True)
    pass_s(page, 59, app, asks=0)
    app.write("un")
    pass_s(page, 1, app)
    expect(page).to_have_title(f"(1) {TITLE}")
    app.write("deux")
    pass_s(page, 60, app)
    expect(page).to_have_title(f"(2) {TITLE}")
    app.write("trois")
    with asking(page):
        hide(page, False)
    expect(page.locator(".bot .text").last).to_have_text("trois")
    expect(page).to_have_title(TITLE)


# --- how often ------------------------------------------------------------------------------------------------------


def test_a_quiet_page_asks_less_often(stopped: Page, app: ScriptedApp) -> None:
    """Every three seconds for two minutes after the last message, then every fifteen; a message begins it anew."""
    page = stopped
    talk(page)
    for _ in range(40):
        pass_s(page, 3, app)
    pass_s(page, 14, app, asks=0)
    pass_s(page, 1, app)
    pass_s(page, 14, app, asks=0)
    talk(page)
    pass_s(page, 3, app)
    pass_s(page, 3, app)


def test_errors_make_the_pauses_longer(stopped: Page, app: ScriptedApp) -> None:
    """After errors the page waits twice as long each time, at most a minute, says nothing, and then goes on."""
    page = stopped
    talk(page)
    app.update_failures.extend([503, 500, 502, 503, 503, 503])
    pass_s(page, 3, app)
    for pause in (6, 12, 24, 48, 60, 60):
        pass_s(page, pause - 1, app, asks=0)
        pass_s(page, 1, app)
    pass_s(page, 15, app)
    expect(page.locator(".failure")).to_have_count(0)
    app.write("Ici Salma.")
    app.update_failures.append(503)
    pass_s(page, 15, app)
    with asking(page):  # the connection is back: at once
        page.evaluate("() => dispatchEvent(new Event('online'))")
    expect(page.locator(".bot .text").last).to_have_text("Ici Salma.")


@pytest.mark.parametrize("locks", [True, False])
def test_a_slow_answer_is_not_asked_for_twice(stopped: Page, app: ScriptedApp, locks: bool) -> None:
    """While a question is on its way no second one goes out, with the browser's locks and without."""
    page = stopped
    if not locks:
        page.evaluate("() => Object.defineProperty(navigator, 'locks', { value: undefined })")
    held: list[Route] = []
    page.route("**/web/updates", lambda route: held.append(route))
    page.clock.run_for(3_000)
    settle(page)
    page.evaluate("() => dispatchEvent(new Event('online'))")
    page.clock.run_for(10_000)
    settle(page)
    assert len(held) == 1
    with asking(page):
        held[0].continue_()
    page.unroute("**/web/updates")
    pass_s(page, 3, app)


# --- two tabs -------------------------------------------------------------------------------------------------------


def test_two_tabs_show_a_message_once_each(stopped: Page, app: ScriptedApp) -> None:
    """Each of two visible tabs has the message once, and keeps what its reader does."""
    other = stopped.context.new_page()
    other.goto("/")
    other.get_by_role("button", name="Les formations").focus()
    app.write("Ici Salma.", buttons=[{"title": "D'accord", "payload": "/affirm"}])
    for _ in range(3):
        stopped.clock.run_for(3_000)
        settle(stopped)
        settle(other)
    for page in (stopped, other):
        expect(page.locator(".bot .text")).to_have_text([WELCOME, "Ici Salma."], use_inner_text=True)
        expect(page.locator(".choice")).to_have_text(["D'accord"])
    expect(other.locator(".bot").first).to_be_focused()
    history = stopped.evaluate("() => JSON.parse(localStorage.getItem('mnc-chat')).history.map(({ id }) => id)")
    assert len(history) == len(set(history)) == 3  # the silent /start, the welcome, the message


def test_a_hidden_tab_leaves_the_asking_to_the_visible_one(stopped: Page, app: ScriptedApp) -> None:
    """For as long as a visible tab asks, a hidden one does not; it still counts what comes."""
    other = stopped.context.new_page()
    other.goto("/")
    expect(other.locator(".bot")).to_have_count(1)
    hide(other, True)
    # A minute later is then not in one step with a question of the visible tab: in the same moment only one can ask.
    stopped.clock.run_for(2_000)
    talk(stopped)
    app.asked.clear()
    rounds = 21  # more than a minute, after which a hidden tab would ask
    for _ in range(rounds):
        stopped.clock.run_for(1_500)
        settle(other)
        with asking(stopped):
            stopped.clock.run_for(1_500)
        settle(other)
    assert len(app.asked) == rounds
    app.write("Ici Salma.")
    with asking(stopped):
        stopped.clock.run_for(3_000)
    expect(other.locator(".bot .text").last).to_have_text("Ici Salma.")
    expect(other).to_have_title(f"(1) {TITLE}")
    expect(stopped).to_have_title(TITLE)


def test_two_questions_at_once_are_one(stopped: Page, app: ScriptedApp) -> None:
    """While one tab's question is on its way another tab asks nothing."""
    other = stopped.context.new_page()
    other.goto("/")
    expect(other.locator(".bot")).to_have_count(1)
    settle(other)
    held: list[Route] = []
    stopped.context.route("**/web/updates", lambda route: held.append(route))
    for page in (stopped, other):
        page.evaluate("() => dispatchEvent(new Event('online'))")
        settle(page)
    assert len(held) == 1
    held[0].continue_()
    stopped.context.unroute("**/web/updates")


def test_what_two_tabs_got_is_kept_once(stopped: Page, app: ScriptedApp) -> None:
    """Tabs that can't agree who asks, on a plain http address, both ask; what both get is there once."""
    other = stopped.context.new_page()
    other.goto("/")
    expect(other.locator(".bot")).to_have_count(1)
    other.evaluate("() => Object.defineProperty(navigator, 'locks', { value: undefined })")
    settle(other)
    app.write("Ici Salma.")
    held: list[Route] = []
    stopped.context.route("**/web/updates", lambda route: held.append(route))
    for page in (stopped, other):
        page.evaluate("() => dispatchEvent(new Event('online'))")
    wait_until(lambda: settle(stopped) or len(held) == 2, what="both questions")
    for route in held:
        with route.request.frame.page.expect_response("**/web/updates"):
            route.continue_()
        for page in (stopped, other):
            expect(page.locator(".bot")).to_have_count(2)
            settle(page)
    stopped.context.unroute("**/web/updates")
    for page in (stopped, other):
        expect(page.locator(".bot .text")).to_have_text([WELCOME, "Ici Salma."], use_inner_text=True)


@pytest.mark.parametrize("gone", ["navigator.locks", "BroadcastChannel"])
def test_an_old_or_plain_http_browser_asks_too(page: Page, app: ScriptedApp, gone: str) -> None:
    """Without locks, or without a channel between the tabs, everything is still shown, once."""
    owner, _, name = gone.rpartition(".")
    page.add_init_script(f"Object.defineProperty({owner or 'window'}, '{name}', {{ value: undefined }})")
    page.clock.install(time=START)
    open_page(page)
    app.write("Ici Salma.")
    for _ in range(2):
        with page.expect_response("**/web/updates"):
            page.clock.fast_forward(60_000)
        settle(page)
    expect(page.locator(".bot .text")).to_have_text([WELCOME, "Ici Salma."], use_inner_text=True)


# --- the real app ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The real app, without Rasa, on a database of its own."""
    settings = make_settings(
        port=free_port(),
        rasa_url=f"http://127.0.0.1:{free_port()}",
        database_url=sqlite_url(Path(tmp_path_factory.mktemp("updates"))),
    )
    running = RunningApp(settings)
    elsewhere(running.start)
    yield running
    running.stop()


def elsewhere(work: Any) -> Any:
    """Run in a thread of its own what needs an event loop: Playwright has one in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result(timeout=60)


def act(work: Coroutine[Any, Any, None]) -> None:
    """Do what staff do in the terminal."""
    elsewhere(lambda: asyncio.run(work))


def test_staff_talk_with_the_page(page: Page, real_app: RunningApp) -> None:
    """What staff write into the real database appears in the page, and what the person writes then gets no bot."""
    page.clock.install(time=START)
    page.goto(real_app.base_url)
    bot = page.locator(".bot .text")
    expect(bot).not_to_have_count(0)
    welcome = bot.count()
    (row,) = real_app.rows("SELECT id FROM contacts")
    act(staff.take(real_app.settings, row["id"], "Salma", 2))
    act(staff.say(real_app.settings, row["id"], STAFF_ARABIC))
    page.clock.fast_forward(3_000)
    expect(bot).to_have_count(welcome + 1)
    expect(bot.last).to_have_text(STAFF_ARABIC)
    expect(bot.last).to_have_attribute("dir", "rtl")
    say(page, "Merci Salma")
    expect(page.locator(".you .text")).to_have_text("Merci Salma")
    expect(page.locator(".pending")).to_have_count(0)
    act(staff.say(real_app.settings, row["id"], "À lundi !"))
    page.clock.fast_forward(3_000)
    expect(bot.last).to_have_text("À lundi !")
    page.reload()
    expect(bot).to_have_count(welcome + 2)
    states = real_app.rows("SELECT state, delivered_at FROM messages WHERE direction = 'out' AND reply_to_id IS NULL")
    assert [state["state"] for state in states] == ["delivered", "delivered"]
    assert all(state["delivered_at"] for state in states)
