"""The routes of the console, read from the app: what is added is tested without a test that names it."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute
from running import make_settings

from bot.app import make_app

#: What stands for the parameters of paths; no row has this id.
SAMPLES = {
    "{campaign_id}": "2147483647",
    "{key}": "programmes_ranked",
    "{variety}": "ar",
    "{kind_path}": "events",
    "{slug}": "gitex-africa",
    "{revision_id}": "2147483647",
    "{token}": "x",
    "{name:path}": "console.css",
    "{member_id}": "2147483647",
    "{session_id}": "2147483647",
    "{application_id}": "2147483647",
    "{request_id}": "2147483647",
    "{contact_id}": "2147483647",
    "{registration_id}": "2147483647",
    "{message_id}": "2147483647",
    "{answer_id}": "2147483647",
    "{version_id}": "2147483647",
    "{job_id}": "2147483647",
    "{switch_id}": "2147483647",
    "{group_id}": "2147483647",
    "{reference}": "DEL-000000",
}


def fill(path: str) -> str:
    """A path with something in place of its parameters."""
    for parameter, sample in SAMPLES.items():
        path = path.replace(parameter, sample)
    return path


def list_routes() -> list[APIRoute]:
    """The routes of the console as the app makes them; nothing is connected."""
    app = make_app(make_settings(database_url="sqlite+aiosqlite://"), channels={})
    console: FastAPI = next(route.app for route in app.routes if getattr(route, "name", "") == "console")
    assert all(isinstance(route, APIRoute) for route in console.routes)
    return [route for route in console.routes if isinstance(route, APIRoute)]
