"""The chat page in a real browser."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from playwright.sync_api import Page, expect
from reader import open_page, say
from scripted_app import ARABIC, FREE, HOSTILE, WELCOME, ScriptedApp

from bot.messages import VARIETIES
from bot.page import load_labels


def scrolls_sideways(page: Page) -> bool:
    """Whether anything is wider than the window."""
    return bool(
        page.evaluate(
            "() => document.documentElement.scrollWidth > innerWidth"
            " || document.querySelector('#scroll').scrollWidth > document.querySelector('#scroll').clientWidth"
            " || [...document.querySelectorAll('.message, .bubble, .choice, .tool, .box')].some((element) =>"
            " { const box = element.getBoundingClientRect(); return box.left < 0 || box.right > innerWidth + 0.5; })"
        )
    )


# --- the conversation ---------------------------------------------------------------------------------------------


def test_first_visit_shows_the_welcome(page: Page, app: ScriptedApp) -> None:
    """The first visit sends /start and shows the welcome with its line break, its buttons and nothing of the person."""
    open_page(page)
    expect(page.locator(".bot .text")).to_have_text(WELCOME, use_inner_text=True)
    expect(page.locator("button.choice")).to_have_text(["C'est gratuit ?", "Les formations"])
    expect(page.locator(".you .bubble")).to_have_count(0)
    expect(page.get_by_text("machine")).to_be_visible()
    assert app.said() == ["/start"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", app.received[0]["sender"])


def test_a_text_is_sent_and_answered(page: Page, app: ScriptedApp) -> None:
    """A text goes out under the same sender, and both sides get their own bubble."""
    open_page(page)
    say(page, "Bonsoir")
    expect(page.locator(".you .text")).to_have_text("Bonsoir")
    expect(page.locator(".you .text")).to_have_attribute("dir", "auto")
    expect(page.locator(".bot .text").last).to_have_text("Vous avez dit : Bonsoir")
    expect(page.locator(".bot .text").last).to_have_attribute("lang", "fr")
    expect(page.locator("#text")).to_have_value("")
    assert app.said() == ["/start", "Bonsoir"]
    assert len({message["sender"] for message in app.received}) == 1


def test_shift_enter_makes_a_new_line(page: Page, app: ScriptedApp) -> None:
    """Shift+Enter writes a new line, which the text that Enter sends keeps."""
    open_page(page)
    page.locator("#text").focus()
    page.keyboard.type("un")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("deux")
    page.keyboard.press("Enter")
    expect(page.locator(".you .text")).to_have_text("un\ndeux", use_inner_text=True)
    expect(page.locator(".bot .text")).to_have_count(2)
    assert app.said()[-1] == "un\ndeux"


def test_a_button_sends_its_payload(page: Page, app: ScriptedApp) -> None:
    """A button shows its title as what the person says, sends its payload, and leaves with the other old buttons."""
    open_page(page)
    page.get_by_role("button", name="C'est gratuit ?").click()
    expect(page.locator(".you .text")).to_have_text("C'est gratuit ?")
    expect(page.locator(".bot .text").last).to_have_text(FREE, use_inner_text=True)
    expect(page.locator(".choice")).to_have_text(["Comment postuler ?"])
    assert app.said() == ["/start", "/jobintech_cost"]


def test_addresses_become_safe_links(page: Page) -> None:
    """An address in a text and a button with an address open in a new tab, without the sentence's full stop."""
    open_page(page)
    site = page.locator("a.choice")
    expect(site).to_have_attribute("href", "https://jobintech-uca.ma/")
    expect(site).to_have_attribute("rel", re.compile("noopener"))
    page.get_by_role("button", name="C'est gratuit ?").click()
    source = page.locator(".text a")
    expect(source).to_have_attribute("href", "https://jobintech-uca.ma/faq?x=1&y=2")
    expect(source).to_have_attribute("target", "_blank")
    expect(source).to_have_attribute("rel", re.compile("noopener"))


def test_an_arabic_answer_turns_the_page(page: Page) -> None:
    """After an Arabic answer the page reads right to left with Arabic labels; the French bubbles stay left to right."""
    open_page(page)
    say(page, "واش فابور؟")
    expect(page.locator(".bot .text").last).to_have_text(ARABIC, use_inner_text=True)
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    expect(page.locator("#text")).to_have_attribute("placeholder", load_labels()["ar"]["placeholder"])
    expect(page.locator("h1")).to_have_text(load_labels()["ar"]["title"])
    expect(page.locator(".bot .text").first).to_have_attribute("dir", "ltr")
    expect(page.locator(".bot .text").last).to_have_attribute("dir", "rtl")
    expect(page.locator(".you .text")).to_have_attribute("lang", "ar")
    bot, you = page.locator(".bot .bubble").last.bounding_box(), page.locator(".you .bubble").bounding_box()
    assert bot and you and bot["x"] + bot["width"] > you["x"] + you["width"]
    assert not scrolls_sideways(page)


def test_the_chooser_changes_the_language(page: Page, app: ScriptedApp) -> None:
    """The chooser sends the language's payload, follows the answer, and shows the choice after a reload."""
    open_page(page)
    page.locator("#language").click()
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#language-name")).to_have_text("English")
    expect(page.locator("#languages")).to_be_hidden()
    assert app.said()[-1] == '/change_language{"language":"en"}'
    page.reload()
    expect(page.locator("#language-name")).to_have_text("English")
    page.locator("#language").click()
    page.locator("[data-language=auto]").click()
    expect(page.locator(".you .text")).to_have_count(2)
    expect(page.locator(".bot .text")).to_have_count(3)
    assert app.said()[-1] == '/change_language{"language":"auto"}'


def test_a_reload_keeps_the_conversation(page: Page, app: ScriptedApp) -> None:
    """A reload shows the history with the last buttons and sends nothing."""
    open_page(page)
    say(page, "واش فابور؟")
    expect(page.locator(".choice")).to_have_text(["كيف أسجل؟"])
    page.reload()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator(".message .text")).to_have_text([WELCOME, "واش فابور؟", ARABIC], use_inner_text=True)
    expect(page.locator(".choice")).to_have_text(["كيف أسجل؟"])
    assert app.said() == ["/start", "واش فابور؟"]


def test_the_history_keeps_200_messages(page: Page) -> None:
    """Of a longer history the last 200 messages stay."""
    open_page(page)
    page.evaluate(
        "() => { const state = JSON.parse(localStorage.getItem('mnc-chat'));"
        " for (let n = 0; n < 220; n++) state.history.push("
        "{ id: `m${n}`, who: 'bot', text: `n ${n}`, buttons: [], variety: 'fr' });"
        " localStorage.setItem('mnc-chat', JSON.stringify(state)); }"
    )
    page.reload()
    say(page, "encore")
    expect(page.locator(".bot .text").last).to_have_text("Vous avez dit : encore")
    assert page.evaluate("() => JSON.parse(localStorage.getItem('mnc-chat')).history.length") == 200


def test_a_broken_storage_starts_anew(page: Page) -> None:
    """Something else under our key in the storage is a first visit, not an error."""
    page.add_init_script("localStorage.setItem('mnc-chat', '{\"history\":7}')")
    open_page(page)


def test_a_new_conversation_asks_first(page: Page, app: ScriptedApp) -> None:
    """A new conversation begins after a confirmation only, empty, welcomed and under a new sender."""
    open_page(page)
    say(page, "Bonsoir")
    expect(page.locator(".bot .text")).to_have_count(2)
    page.locator("#restart").click()
    page.locator("#confirm-no").click()
    expect(page.locator("#confirm")).to_be_hidden()
    expect(page.locator(".bot .text")).to_have_count(2)
    page.locator("#restart").click()
    page.locator("#confirm-yes").click()
    expect(page.locator(".bot .text")).to_have_text([WELCOME], use_inner_text=True)
    assert app.said() == ["/start", "Bonsoir", "/start"]
    assert app.received[2]["sender"] != app.received[0]["sender"]


def test_a_new_conversation_keeps_the_chosen_language(page: Page, app: ScriptedApp) -> None:
    """A language that the person chose is told to the server again, before the new welcome."""
    open_page(page)
    page.locator("#language").click()
    page.locator("[data-language=en]").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.locator("#restart").click()
    page.locator("#confirm-yes").click()
    expect(page.locator(".bot .text")).to_have_text([WELCOME], use_inner_text=True)
    assert app.said()[-2:] == ['/change_language{"language":"en"}', "/start"]
    assert app.received[-1]["sender"] == app.received[-2]["sender"] != app.received[0]["sender"]


def test_two_tabs_share_the_conversation(page: Page) -> None:
    """What is said in one tab shows in another."""
    open_page(page)
    other = page.context.new_page()
    other.goto("/")
    say(page, "Bonsoir")
    expect(other.locator(".bot .text").last).to_have_text("Vous avez dit : Bonsoir")


# --- what goes wrong ----------------------------------------------------------------------------------------------


def test_hostile_text_stays_text(page: Page) -> None:
    """Markup from the bot or from the person shows as written and runs nothing; a javascript: link is not made."""
    open_page(page)
    say(page, "hostile")
    expect(page.locator(".bot .text").last).to_have_text(HOSTILE)
    expect(page.locator(".choice")).to_have_text(["<b onclick=alert(1)>x</b>"])
    say(page, HOSTILE)
    expect(page.locator(".you .text").last).to_have_text(HOSTILE)
    expect(page.locator(".bot .text").last).to_have_text(f"Vous avez dit : {HOSTILE}")
    expect(page.locator(".log img, .log script, .log a, .log b")).to_have_count(0)
    assert page.evaluate("() => window.hacked") is None


@pytest.mark.parametrize(("status", "key"), [(503, "slow"), (500, "offline")])
def test_a_failed_message_can_be_tried_again(page: Page, app: ScriptedApp, status: int, key: str) -> None:
    """After an error the text stays, also over a reload, and "try again" sends it."""
    open_page(page)
    app.failures.append(status)
    say(page, "Bonsoir")
    expect(page.locator(".failure")).to_contain_text(load_labels()["fr"][key])
    page.reload()
    expect(page.locator(".you .text")).to_have_text("Bonsoir")
    page.get_by_role("button", name=load_labels()["fr"]["retry"]).click()
    expect(page.locator(".bot .text").last).to_have_text("Vous avez dit : Bonsoir")
    expect(page.locator(".failure")).to_have_count(0)
    expect(page.locator(".you .text")).to_have_count(1)
    assert app.said() == ["/start", "Bonsoir", "Bonsoir"]


def test_an_app_that_cannot_be_reached_says_so(page: Page) -> None:
    """Without a connection, the first visit too offers to try again."""
    page.route("**/web/messages", lambda route: route.abort())
    page.goto("/")
    expect(page.locator(".failure")).to_contain_text(load_labels()["fr"]["offline"])
    page.unroute("**/web/messages")
    page.get_by_role("button", name=load_labels()["fr"]["retry"]).click()
    expect(page.get_by_text("Je suis l'assistant")).to_be_visible()


def test_a_refused_text_can_be_changed(page: Page, app: ScriptedApp) -> None:
    """A text that the app refuses goes back into the field."""
    open_page(page)
    app.failures.append(422)
    say(page, "Bonsoir")
    page.get_by_role("button", name=load_labels()["fr"]["edit"]).click()
    expect(page.locator("#text")).to_have_value("Bonsoir")
    expect(page.locator("#text")).to_be_focused()
    expect(page.locator(".you")).to_have_count(1)  # the first /start, which has no bubble
    expect(page.locator(".you .text")).to_have_count(0)


def test_a_slow_answer_shows_that_it_is_coming(page: Page, app: ScriptedApp) -> None:
    """While an answer is awaited the page says so, keeps the field usable, and answers in order."""
    open_page(page)
    app.delay_s = 0.5
    say(page, "un")
    expect(page.get_by_role("status").filter(has_text=load_labels()["fr"]["typing"])).to_have_count(1)
    say(page, "deux")
    expect(page.locator(".bot .text").last).to_have_text("Vous avez dit : deux")
    expect(page.locator("#typing")).to_be_empty()
    assert app.said() == ["/start", "un", "deux"]


def test_a_text_over_the_limit_is_not_sent(page: Page, app: ScriptedApp) -> None:
    """Near 1,000 characters a counter shows; over them nothing is sent and nothing is cut."""
    open_page(page)
    page.locator("#text").fill("x" * 800)
    expect(page.locator("#counter")).to_be_hidden()
    page.locator("#text").fill("😀" * 990)
    expect(page.locator("#counter")).to_have_text("10")
    page.locator("#text").fill("x" * 1001)
    expect(page.locator("#counter")).to_have_text(re.compile("\N{MINUS SIGN}1$"))
    expect(page.locator("#text")).to_have_attribute("aria-invalid", "true")
    page.locator("#text").press("Enter")
    expect(page.locator("#text")).to_have_value("x" * 1001)
    page.locator("#text").press("Backspace")
    page.locator("#text").press("Enter")
    expect(page.locator(".you .text")).to_have_count(1)
    expect(page.locator(".bot .text")).to_have_count(2)
    assert app.said() == ["/start", "x" * 1000]


# --- everyone -----------------------------------------------------------------------------------------------------


def test_the_keyboard_is_enough(page: Page, app: ScriptedApp) -> None:
    """Buttons, language and new conversation work by keyboard, the focus is never lost and always visible."""
    open_page(page)
    page.get_by_role("button", name="C'est gratuit ?").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".choice")).to_have_text(["Comment postuler ?"])
    assert page.evaluate("() => document.activeElement.className") == "message you"
    page.keyboard.press("Tab")
    expect(page.locator(".text a")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".choice")).to_be_focused()
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Tab")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("Merci")
    page.keyboard.press("Enter")
    expect(page.locator(".bot .text").last).to_have_text("Vous avez dit : Merci")
    expect(page.locator("#text")).to_be_focused()

    page.locator("#language").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator("#languages")).to_be_hidden()
    expect(page.locator("#language")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-language=auto]")).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator("[data-language=en]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#language")).to_be_focused()

    page.keyboard.press("Tab")
    expect(page.locator("#restart")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#confirm")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#restart")).to_be_focused()
    assert app.said()[-1] == '/change_language{"language":"en"}'


def test_a_screen_reader_hears_the_answers(page: Page) -> None:
    """The log is a polite live region, every bubble says whose it is, and every control has a name."""
    open_page(page)
    log = page.get_by_role("log")
    expect(log).to_have_attribute("aria-live", "polite")
    expect(log).to_have_attribute("aria-busy", "false")
    expect(page.locator(".bot .bubble")).to_contain_text("Assistant : Bonjour")
    for button in page.get_by_role("button").all():
        expect(button).to_have_accessible_name(re.compile(r"\S"))
    expect(page.get_by_role("textbox")).to_have_accessible_name(load_labels()["fr"]["placeholder"])


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_scrolls_sideways(page: Page, width: int) -> None:
    """Long words, addresses and buttons wrap at every width, in both directions."""
    page.set_viewport_size({"width": width, "height": 640})
    open_page(page)
    assert not scrolls_sideways(page)
    say(page, "long")
    expect(page.locator(".bot .text")).to_have_count(2)
    assert not scrolls_sideways(page)
    say(page, "d" * 500)
    expect(page.locator(".bot .text")).to_have_count(3)
    assert not scrolls_sideways(page)
    say(page, "واش فابور؟")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert not scrolls_sideways(page)
    page.locator("#language").click()
    menu = page.locator("#languages").bounding_box()
    assert menu and menu["x"] >= 0 and menu["x"] + menu["width"] <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("said", ["Bonsoir", "واش فابور؟"])
def test_texts_have_enough_contrast(page: Page, scheme: str, said: str) -> None:
    """Every visible text has at least the contrast of WCAG 2.2, 1.4.3 (4.5 to 1), light and dark."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    open_page(page)
    say(page, said)
    expect(page.locator(".bot .text")).to_have_count(2)
    low = page.evaluate(
        """() => {
          const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
          const paint = (colours) => {
            context.clearRect(0, 0, 1, 1);
            for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
            return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
          };
          const light = (rgb) => rgb.map((part) => part / 255)
            .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
            .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
          const behind = (element) => element
            ? [...behind(element.parentElement), getComputedStyle(element).backgroundColor] : ["#fff"];
          const low = [];
          for (const element of document.querySelectorAll("h1, .tool, .bubble .text, .choice, .notice, .text a")) {
            const colours = behind(element);
            const back = light(paint(colours));
            const front = light(paint([...colours, getComputedStyle(element).color]));
            const ratio = (Math.max(back, front) + 0.05) / (Math.min(back, front) + 0.05);
            if (ratio < 4.5) low.push(`${element.className || element.tagName} ${ratio.toFixed(2)}`);
          }
          return low;
        }"""
    )
    assert low == []


# --- what is served -----------------------------------------------------------------------------------------------


def test_the_page_forbids_everything_else(app: ScriptedApp) -> None:
    """The page and its files carry a strict policy; the page has no inline script or style and loads from here only."""
    with httpx.Client(base_url=app.url, trust_env=False) as client:
        html = client.get("/")
        addresses = re.findall(r'(?:src|href)="([^"]+)"', html.text)
        answers = [html, *(client.get(address) for address in addresses)]
    assert len(addresses) == 3 and all(address.startswith("/page/") for address in addresses)
    for answer in answers:
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"<style|\sstyle=|\son\w+=", html.text)
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", html.text) == ['<script type="application/json" id="settings">']


def test_an_unchanged_file_is_not_sent_twice(app: ScriptedApp) -> None:
    """A browser that names the etag gets 304; an address with a digest is kept for ever, a bare one is not."""
    with httpx.Client(base_url=app.url, trust_env=False) as client:
        html = client.get("/")
        script = re.search(r'src="([^"]+)"', html.text)
        assert script
        named, bare = client.get(script[1]), client.get("/page/chat.js")
        again = client.get("/", headers={"If-None-Match": f'"other", W/{html.headers["etag"]}'})
        head = client.head("/")
    assert html.headers["cache-control"] == bare.headers["cache-control"] == "no-cache"
    assert "immutable" in named.headers["cache-control"]
    assert (again.status_code, again.content) == (304, b"")
    assert (head.status_code, head.content) == (200, b"")


def test_every_variety_has_every_label(app: ScriptedApp) -> None:
    """The page brings the labels and the direction of all five varieties, none of them empty."""
    html = httpx.get(f"{app.url}/", trust_env=False).text
    block = re.search(r'<script type="application/json" id="settings">(.*?)</script>', html, re.DOTALL)
    assert block and "<" not in block[1]
    settings = json.loads(block[1])
    assert set(settings["labels"]) == set(settings["directions"]) == set(VARIETIES)
    for labels in settings["labels"].values():
        assert labels.keys() == settings["labels"]["fr"].keys()
        assert all(labels.values())
        assert "{count}" in labels["left"] and "{count}" in labels["excess"]
