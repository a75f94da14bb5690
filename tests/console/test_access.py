"""Who may use what: the matrix of roles and routes is made from the routes themselves."""

from __future__ import annotations

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from routes import fill, list_routes
from sqlalchemy import text
from staffed import ORIGIN, Client, Console, SignIn

from bot.console.layout.navigation import ENTRIES
from bot.console.roles import EVERYBODY, PUBLIC, ROLES, Role
from bot.console.routing import UndeclaredRouteError, check_declared, read_allowed
from bot.console.security.guard import Guard

ROUTES = [(method, route) for route in list_routes() for method in sorted(route.methods)]
IDS = [f"{method} {route.path}" for method, route in ROUTES]


async def call(client: Client, method: str, path: str) -> tuple[int, str]:
    """The status of a route and where it redirects to."""
    answer = await (client.get(fill(path)) if method == "GET" else client.post(fill(path)))
    return answer.status_code, answer.headers.get("location", "")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "route"), ROUTES, ids=IDS)
async def test_each_role_on_each_route(signed_in: SignIn, method: str, route: APIRoute, role: Role) -> None:
    """A role gets 403 exactly where the route does not name it."""
    assert "{" not in fill(route.path), "say in SAMPLES what stands for the new parameter"
    allowed, client = read_allowed(route), await signed_in(role)
    if allowed is PUBLIC:
        client.csrf = ""  # their forms carry the token of before the sign-in
    status, location = await call(client, method, route.path)
    if allowed is PUBLIC or role in allowed:
        assert status in (200, 303, 304, 401, 404, 410, 422), status
        if allowed is not PUBLIC and route.path != "/sign-out":
            assert status != 401 and not location.startswith("/console/sign-in")
    else:
        assert status == 403


@pytest.mark.parametrize(("method", "route"), ROUTES, ids=IDS)
async def test_nobody_signed_in_on_each_route(console: Console, method: str, route: APIRoute) -> None:
    """Who is not signed in is sent to the sign-in page from everything that is not public; half signed in as well."""
    status, location = await call(console.visit(), method, route.path)
    if read_allowed(route) is PUBLIC:
        assert status in (200, 303, 401, 410)
    else:
        assert status == 303 and location.startswith("/console/sign-in")


def test_a_route_without_a_declaration_stops_the_start() -> None:
    """What is added past `Pages` is found when the app is made."""
    app, router = FastAPI(openapi_url=None), APIRouter()
    router.add_api_route("/secret", lambda: "secret")
    app.include_router(router)
    with pytest.raises(UndeclaredRouteError):
        check_declared(app.routes)


def test_the_navigation_leads_where_its_roles_may_go() -> None:
    """An entry is shown to exactly those who may open its page."""
    allowed = {f"/console{route.path}": read_allowed(route) for method, route in ROUTES if method == "GET"}
    assert {entry.path: entry.allowed for entry in ENTRIES} == {entry.path: allowed[entry.path] for entry in ENTRIES}


async def test_the_way_back_is_kept_and_only_ours(console: Console) -> None:
    """The sign-in page leads back to the page that was wanted, in the console and nowhere else."""
    answer = await console.visit().get("/audit?who=3&action=signed_in")
    assert answer.headers["location"] == "/console/sign-in?next=%2Fconsole%2Faudit%3Fwho%3D3%26action%3Dsigned_in"
    client = await console.sign_in()
    for wanted in ("https://evil.example/", "//evil.example/", "/console/\\evil", "/", "/console/sign-out", "x\n"):
        answer = await client.get("/sign-in", params={"next": wanted})
        assert answer.headers["location"] == "/console/"


async def test_htmx_is_told_to_go_to_the_sign_in_page(console: Console) -> None:
    """A fragment's request moves the whole page, back to the page that shows the fragment."""
    headers = {"HX-Request": "true", "HX-Current-URL": "http://console.test/console/audit?who=3"}
    answer = await console.visit().get("/audit", headers=headers)
    assert answer.headers["hx-redirect"] == "/console/sign-in?next=%2Fconsole%2Faudit%3Fwho%3D3"
    headers["HX-Current-URL"] = "https://evil.example//evil.example/"
    answer = await console.visit().get("/audit", headers=headers)
    assert answer.headers["hx-redirect"] == "/console/sign-in"


async def test_errors_are_pages_of_the_console(console: Console, signed_in: SignIn) -> None:
    """403 and 404 come in the layout and the language of who is there, with no navigation for who is not."""
    client = await signed_in("analyst")
    refused = await client.get("/staff")
    assert refused.status_code == 403 and "Cette page ne vous est pas ouverte" in refused.text
    assert 'href="/console/account"' in refused.text and 'href="/console/staff"' not in refused.text
    missing = await client.get("/no-such-page")
    assert missing.status_code == 404 and "<nav" in missing.text
    stranger = await console.visit().get("/no-such-page")
    assert stranger.status_code == 404 and "<nav" not in stranger.text
    assert (await client.post("/audit")).status_code == 405
    administrator = await signed_in("administrator")
    assert (await administrator.post("/staff/abc/disable")).status_code == 404


async def test_a_mistake_of_ours_is_a_page_too(console: Console, signed_in: SignIn) -> None:
    """500 comes in the layout and with the headers."""

    async def fail() -> None:
        raise RuntimeError("a mistake")

    console.pages.add_api_route("/broken", fail, dependencies=[Depends(Guard(EVERYBODY))])
    client = await signed_in("analyst")
    transport = httpx.ASGITransport(app=console.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, cookies=client.http.cookies) as http:
        answer = await http.get("/console/broken")
    assert answer.status_code == 500 and "<nav" in answer.text and "a mistake" not in answer.text
    assert "default-src" in answer.headers["content-security-policy"]


async def test_a_database_that_is_away_is_said_so(console: Console) -> None:
    """503, and that nothing was saved."""
    async with console.db.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE staff_members RENAME TO moved"))
    visitor = console.visit()
    visitor.http.cookies.set("console", "x", domain="console.test", path="/console")
    away = await visitor.get("/sign-in")
    assert away.status_code == 503 and "Rien n&#39;a été enregistré" in away.text


async def test_the_bare_address_leads_in(console: Console) -> None:
    """``/console`` without its slash is where people go."""
    answer = await console.visit().get("")
    assert answer.status_code == 307 and answer.headers["location"].endswith("/console/")


async def test_every_answer_has_the_headers(console: Console) -> None:
    """Pages, redirects, errors and files forbid scripts from elsewhere and framing; only files are kept by browsers."""
    visitor = console.visit()
    for path in ("/sign-in", "/", "/no-such-page", "/static/console.css"):
        answer = await visitor.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "form-action 'self'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert (answer.headers["cache-control"] == "no-store") == (not path.startswith("/static/"))


async def test_files_are_named_and_kept(console: Console) -> None:
    """A file is kept for ever under its version, costs a 304 without it, and nothing else is served."""
    visitor = console.visit()
    page = await visitor.get("/sign-in")
    address = page.text.partition('rel="stylesheet" href="/console')[2].partition('"')[0]
    served = await visitor.get(address)
    assert "immutable" in served.headers["cache-control"] and "--ground" in served.text
    again = await visitor.get("/static/console.css", headers={"If-None-Match": served.headers["etag"]})
    assert again.status_code == 304
    for path in ("/static/vendor/README.md", "/static/../roles.py", "/static/%2e%2e/roles.py"):
        assert (await visitor.get(path)).status_code == 404
