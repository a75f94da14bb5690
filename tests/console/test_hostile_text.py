"""Hostile text in every field that somebody can write is shown as text: on every page, and in every file.

Every page of every row is taken apart by Chromium's own parser, beside the same page about plain text. Every page is
opened too, with a row that tries one thing and with one that tries all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import hostile
import httpx
import pytest
from chromium import watch
from downloads import check_download
from fastapi.routing import APIRoute
from hostile import FIRST, PAYLOADS, ROWS
from hostile_worlds import World, ask, list_paths, open_world
from playwright.sync_api import Browser, Page, Request
from routes import list_routes

from bot.console.roles import PUBLIC, Role
from bot.console.routing import read_allowed

#: How many elements of each kind, with which attributes, are in a page, where its links lead, and what it says.
READ_PAGE = """(html) => {
  const page = html === null ? document : new DOMParser().parseFromString(html, 'text/html')
  const elements = {}, addresses = []
  const leading = ['href', 'xlink:href', 'src', 'action', 'formaction', 'data', 'hx-get', 'hx-post']
  for (const element of page.querySelectorAll('*')) {
    const kind = [element.localName, ...element.getAttributeNames().sort()].join(' ')
    elements[kind] = (elements[kind] || 0) + 1
    for (const name of leading) if (element.hasAttribute(name)) addresses.push(element.getAttribute(name))
  }
  const fields = [...page.querySelectorAll('input, textarea')].map((field) => field.value)
  const named = [...page.querySelectorAll('[aria-label], [title]')].flatMap(
    (element) => [element.getAttribute('aria-label') || '', element.getAttribute('title') || ''])
  const text = [page.body.textContent, ...fields, ...named].join('\\n')
  return { elements, addresses, text, hit: window.__hit ?? null }
}"""
#: Posts a form from the page that is open, as one of its own would.
#: An element a word, where words are marked: hostile and plain texts have not as many.
A_WORD = "span data-start"
POST_FORM = """([path, fields]) => {
  const form = document.createElement('form')
  form.method = 'post'
  form.action = path
  const token = document.querySelector('input[name=csrf]')
  for (const [name, value] of [['csrf', token.value], ...Object.entries(fields)]) {
    const field = document.createElement('input')
    field.name = name
    field.value = value
    form.append(field)
  }
  document.body.append(form)
  form.submit()
}"""
#: The rows whose pages are opened: an element with an event, an address that runs, and all at once.
OPENED = (1, 3, ROWS - 1)
#: Where a text that somebody writes is shown in full, by place; so the test can't pass by showing nothing.
SHOWN = {
    "applications.full_name", "applications.note", "canned_answers.text", "canned_answers.title",
    "content_revisions.after.text", "events.name", "events.place", "facts.statement_fr", "identities.profile.name",
    "messages.attachments.file", "messages.buttons.title", "messages.error", "messages.text", "notes.text",
    "operators.name", "programmes.name", "staff_members.email", "staff_members.name", "staff_requests.note",
    "tags.name", "tracks.name",
}  # fmt: skip
_ROUTES = list_routes()
_PAGES = [each for each in _ROUTES if "GET" in each.methods and not each.path.startswith("/static")]
_ROWS = [each for each in _PAGES if "{" in each.path]
_LISTS = [each for each in _PAGES if "{" not in each.path and read_allowed(each) is not PUBLIC]
#: Forms that answer with a page or a file, and change nothing but the audit log.
_ASKING = [each for each in _ROUTES if "POST" in each.methods and re.search(r"/(reveal|preview|move)$", each.path)]
_FILES = [each for each in _ROUTES if re.search(r"\.(csv|json|pdf|xlsx|ics|zip)$|/(export|download)", each.path)]


@pytest.fixture(scope="module")
def hostile_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Full of hostile text."""
    with open_world(tmp_path_factory.mktemp("hostile"), is_hostile=True) as world:
        yield world


@pytest.fixture(scope="module")
def plain_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same rows with plain text of the same length."""
    with open_world(tmp_path_factory.mktemp("plain"), is_hostile=False) as world:
        yield world


class Pair:
    """Two signed-in browser pages, one in each world; what the hostile one does of its own fails the test."""

    def __init__(self, browser: Browser, worlds: tuple[World, World]) -> None:
        self.worlds = worlds
        self.problems: list[str] = []
        self._browser = browser
        self._pages: list[Page] = []
        self._clients: list[httpx.Client] = []
        self._csrf: list[str] = []

    def sign_in(self, role: Role) -> None:
        """Open both pages for a role."""
        self.close()
        for world in self.worlds:
            token, csrf = world.sign_in(role)
            url = world.served.url
            context = self._browser.new_context(base_url=url, viewport={"width": 1280, "height": 900})
            context.add_cookies([{"name": "console", "value": token, "url": f"{url}/console/"}])
            page = context.new_page()
            page.set_default_timeout(20_000)
            self._pages.append(page)
            self._clients.append(ask(world, token))
            self._csrf.append(csrf)
        self._trap(self._pages[0], self.worlds[0].served.url)

    def _trap(self, page: Page, url: str) -> None:
        noted = watch(page)
        self.problems = noted

        def note_request(request: Request) -> None:
            parts = urlsplit(request.url)
            if f"{parts.scheme}://{parts.netloc}" != url or parts.path == "/hit":
                noted.append(f"asked for {request.url}")

        page.on("request", note_request)
        page.on("dialog", lambda dialog: (noted.append(f"dialog: {dialog.message}"), dialog.dismiss())[0])

    def open(self, path: str, fields: dict[str, str] | None = None) -> set[str]:
        """Open a page (with `fields` by posting a form) and compare; returns the places whose texts it shows."""
        found = []
        for page in self._pages:
            if fields is None:
                answer = page.goto(path)
                assert answer is not None and answer.status < 500, path
            else:
                page.goto("/console/account")
                with page.expect_navigation():
                    page.evaluate(POST_FORM, [path, fields])
            found.append(page.evaluate(READ_PAGE, None))
        return self._compare(path, *found)

    def parse(self, path: str, fields: dict[str, str] | None = None) -> set[str]:
        """The same without opening it: its HTML is taken apart by the browser, and nothing of it could run."""
        found = []
        for page, client, csrf in zip(self._pages, self._clients, self._csrf, strict=True):
            answer = client.get(path) if fields is None else post(client, path, csrf, fields)
            assert answer.status_code < 500, f"{path}: {answer.status_code}"
            if not answer.headers.get("content-type", "text/html").startswith("text/html"):
                return set()  # a file: see below
            found.append(page.evaluate(READ_PAGE, answer.text))
        return self._compare(path, *found)

    def _compare(self, path: str, mine: dict[str, Any], twin: dict[str, Any]) -> set[str]:
        assert mine["hit"] is None, path
        kinds = (mine["elements"].keys() | twin["elements"].keys()) - {A_WORD}
        counts = {kind: mine["elements"].get(kind, 0) - twin["elements"].get(kind, 0) for kind in kinds}
        assert {kind: number for kind, number in counts.items() if number} == {}, path
        for address in mine["addresses"]:
            parts = urlsplit(address.strip("\x00 \t\r\n"))
            assert parts.scheme in ("", "http", "https", "mailto", "tel"), f"{path}: {address}"
            assert parts.scheme or not address.startswith("//"), f"{path}: {address}"
        # Names stand between marks of direction in the middle of a sentence.
        text = re.sub("[\u2068\u2069]", "", mine["text"])
        return {place for value, place in self.worlds[0].writer.written.items() if value in text}

    def close(self) -> None:
        """Close both; fail if the hostile one did something."""
        for client in self._clients:
            client.close()
        for page in self._pages:
            page.context.close()
        assert self.problems == []
        self._pages, self._clients, self._csrf = [], [], []


@pytest.fixture
def pair(browser: Browser, hostile_world: World, plain_world: World) -> Iterator[Pair]:
    """Both worlds in the browser."""
    pair = Pair(browser, (hostile_world, plain_world))
    yield pair
    pair.close()


def post(client: httpx.Client, path: str, csrf: str, fields: dict[str, str]) -> httpx.Response:
    """Post a form as a page of the console would."""
    headers = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    return client.post(path, data={"csrf": csrf} | fields, headers=headers)


def fields_of(n: int) -> dict[str, str]:
    """What the forms that only ask get: the n-th row, and hostile text where they take one."""
    payload = PAYLOADS[n % len(PAYLOADS)]
    return {"pick": f"{FIRST + n}.received", "state": "checking", "note": payload, "text": payload, "variety": "fr"}


def test_no_column_is_forgotten() -> None:
    """What holds no free text has its reason, and exists; everything else is hostile."""
    tables = hostile.Base.metadata.tables.values()
    assert set(hostile.CODES) <= {f"{table.name}.{column.name}" for table in tables for column in table.columns}
    assert all(reason for _, reason in hostile.CODES.values())
    writer = hostile.Writer(is_hostile=True)
    for column in hostile.list_columns():
        if not hostile.is_code(column) and column.table.name != "message_terms":
            value = hostile.make_value(writer, column.table, column, 0, 0, {})
            assert "q0x" in str(value), f"{column.table.name}.{column.name} is not hostile: {value!r}"


@pytest.mark.timeout(600)
def test_pages_of_every_row_are_inert(pair: Pair, hostile_world: World) -> None:
    """Of each payload, in whatever field: no element and no attribute comes of it, and it is there as text."""
    pair.sign_in("administrator")
    shown = pair.parse("/console/conversations/ready")
    for n in range(ROWS):
        for route in _ROWS:
            for path in list_paths(route, n):
                shown |= pair.parse(path)
        for route in _ASKING:
            for path in list_paths(route, n):
                shown |= pair.parse(path, fields_of(n))
                if path.endswith("/reveal"):  # what is open stays open in the conversation
                    shown |= pair.parse(path.removesuffix("/reveal"))
    for route in _LISTS:
        shown |= pair.parse(f"/console{route.path}")
    assert shown >= SHOWN, SHOWN - shown


@pytest.mark.timeout(600)
@pytest.mark.parametrize("n", OPENED)
def test_pages_of_a_row_run_nothing(pair: Pair, n: int) -> None:
    """Each page about one row, opened in the browser."""
    pair.sign_in("administrator")
    for route in _ROWS:
        for path in list_paths(route, n):
            pair.open(path)
    for route in _ASKING:
        for path in list_paths(route, n):
            pair.open(path, fields_of(n))
            if path.endswith("/reveal"):
                pair.open(path.removesuffix("/reveal"))


@pytest.mark.parametrize("role", ["administrator", "analyst"])
def test_lists_run_nothing(pair: Pair, role: Role) -> None:
    """Each page that lists rows, with all texts at once; and what was searched for is text too."""
    pair.sign_in(role)
    for route in _LISTS:
        if role in read_allowed(route):
            pair.open(f"/console{route.path}")
    pair.open("/console/conversations?text=%3Cscript%3Ewindow.__hit%3D1%3C/script%3E&tag=%22%3E%3Ci%3E")


@pytest.mark.timeout(600)
def test_what_came_through_the_doors_is_inert(pair: Pair, hostile_world: World, plain_world: World) -> None:
    """Who wrote to the page's route, by Telegram and by WhatsApp: their conversations, hidden and open."""
    assert hostile_world.door_ids == plain_world.door_ids
    pair.sign_in("administrator")
    shown: set[str] = set()
    for number, contact_id in enumerate(hostile_world.door_ids):
        look = pair.open if number < 6 or number >= len(hostile_world.door_ids) - 4 else pair.parse
        path = f"/console/conversations/{contact_id}"
        shown |= look(path)
        shown |= look(f"{path}/reveal", {})
        shown |= look(path)
        shown |= look(f"/console/people/{contact_id}")
    assert {"door.web.text", "door.telegram.caption", "door.telegram.file_name", "door.whatsapp.text"} <= shown
    assert {"door.telegram.username", "door.whatsapp.name"} <= shown


@pytest.mark.timeout(600)
@pytest.mark.parametrize("role", ["administrator", "analyst"])
def test_files_are_inert(hostile_world: World, role: Role) -> None:
    """Each file of the console, of each row: kept as a file, no formula, nothing that acts."""
    token, csrf = hostile_world.sign_in(role)
    taken = 0
    with ask(hostile_world, token) as client:
        for route in [*_FILES, *(each for each in _PAGES if each not in _FILES)]:
            if read_allowed(route) is not PUBLIC and role not in read_allowed(route):
                continue
            for n in range(ROWS) if "{" in route.path else [0]:
                for path in list_paths(route, n):
                    answer = _fetch(client, route, path, csrf)
                    assert answer.status_code < 500, path
                    if answer.status_code == 200 and not answer.headers["content-type"].startswith("text/html"):
                        check_download(answer)
                        taken += 1
    assert taken >= (ROWS if role == "analyst" else 3 * ROWS)


def _fetch(client: httpx.Client, route: APIRoute, path: str, csrf: str) -> httpx.Response:
    return client.get(path) if "GET" in route.methods else post(client, path, csrf, {})


def test_the_calendar_of_an_event_is_inert(hostile_world: World) -> None:
    """An event whose name, place and organiser are hostile is one event in a calendar."""
    with httpx.Client(base_url=hostile_world.served.url) as client:
        for n in range(ROWS):
            answer = client.get(f"/events/hostile-{n}.ics")
            assert answer.status_code == 200, n
            check_download(answer)


def test_the_page_of_people_runs_nothing(hostile_world: World, browser: Browser) -> None:
    """What is typed into the chat stands in it as text."""
    context = browser.new_context(base_url=hostile_world.served.url, viewport={"width": 390, "height": 844})
    page = context.new_page()
    noted = watch(page)
    page.on("dialog", lambda dialog: (noted.append(dialog.message), dialog.dismiss())[0])
    page.goto("/")
    page.locator("textarea").wait_for()
    for payload in PAYLOADS:
        page.locator("textarea").fill(payload)
        page.locator("textarea").press("Enter")
        page.wait_for_function("(text) => document.querySelector('[role=log]').textContent.includes(text)", arg=payload)
    assert page.evaluate("window.__hit ?? null") is None
    assert page.locator("[role=log] :is(script, svg, iframe, form, style, object, meta, base, i, b)").count() == 0
    assert page.locator("[role=log] :is([onload], [onerror], [onfocus], [style], [hx-get])").count() == 0
    context.close()
    assert noted == []
