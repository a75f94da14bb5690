"""The first page after signing in: what one's role may open."""

from __future__ import annotations

from fastapi import Request, Response

from bot.console.layout import render
from bot.console.roles import EVERYBODY
from bot.console.routing import Pages

pages = Pages()


@pages.get("/", allowed=EVERYBODY)
async def show_home(request: Request) -> Response:
    """A link for each page of the role."""
    return render(request, "home.html")
