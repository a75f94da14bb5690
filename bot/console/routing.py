"""How a route of the console comes to be: only with a declaration of who may use it.

A feature makes one `Pages`, declares its routes on it, and stands in the list in `bot/console/__init__.py`. The
declaration is a FastAPI dependency of the route, so what a test reads from the routes is what is enforced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from bot.console.ids import check_ids
from bot.console.roles import Allowed
from bot.console.security.guard import Guard

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class UndeclaredRouteError(RuntimeError):
    """A route of the console does not say who may use it; the app does not start with it."""


@dataclass(frozen=True, slots=True)
class _Page:
    path: str
    methods: tuple[str, ...]
    endpoint: Callable[..., Any]
    allowed: Allowed


class Pages:
    """The routes of one feature. Paths are below ``/console``; endpoints return a response."""

    def __init__(self) -> None:
        self._pages: list[_Page] = []

    def get(self, path: str, *, allowed: Allowed) -> Callable[[Endpoint], Endpoint]:
        """Declare a page to read."""
        return self._declare(path, ("GET",), allowed)

    def post(self, path: str, *, allowed: Allowed) -> Callable[[Endpoint], Endpoint]:
        """Declare a change; its form or its htmx header carries the token against forged requests."""
        return self._declare(path, ("POST",), allowed)

    def _declare(self, path: str, methods: tuple[str, ...], allowed: Allowed) -> Callable[[Endpoint], Endpoint]:
        def note(endpoint: Endpoint) -> Endpoint:
            self._pages.append(_Page(path, methods, endpoint, allowed))
            return endpoint

        return note

    def add_to(self, app: FastAPI) -> None:
        """Make the routes."""
        for page in self._pages:
            app.add_api_route(
                page.path,
                page.endpoint,
                methods=list(page.methods),
                dependencies=[Depends(Guard(page.allowed)), Depends(check_ids)],
                response_model=None,
            )


def read_allowed(route: BaseRoute) -> Allowed:
    """Who may use a route.

    Raises:
        UndeclaredRouteError: it does not say.
    """
    if isinstance(route, APIRoute):
        for dependency in route.dependencies:
            if isinstance(dependency.dependency, Guard):
                return dependency.dependency.allowed
    raise UndeclaredRouteError(f"{getattr(route, 'path', route)}: declare it on Pages, with who is allowed")


def check_declared(routes: Iterable[BaseRoute]) -> None:
    """Make sure that every route says who may use it.

    Raises:
        UndeclaredRouteError: one does not.
    """
    for route in routes:
        read_allowed(route)
