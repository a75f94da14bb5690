"""Payloads of buttons, in Rasa's syntax: ``/intent`` or ``/intent{"entity": "value"}``.

They come back through clients that anybody can change, so one is only believed to be ours after `read_payload`.
"""

from __future__ import annotations

import json
from functools import cache

import yaml

from bot.settings import ROOT


@cache
def list_intents() -> frozenset[str]:
    """The intents of domain.yml; Rasa's own commands (/restart, /back, /session_start) are not among them."""
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
    return frozenset(domain["intents"])


def read_payload(payload: str) -> tuple[str, dict[str, str]]:
    """The intent of a payload and its entities.

    Raises:
        ValueError: it has another shape, or names an intent that is not in the domain.
    """
    intent, brace, rest = payload.removeprefix("/").partition("{")
    if not payload.startswith("/") or intent not in list_intents():
        raise ValueError(f"{payload[:80]!r} is not a payload: it must be /intent with an intent of domain.yml")
    if not brace:
        return intent, {}
    try:
        entities = json.loads(brace + rest)
    except RecursionError as error:
        raise ValueError("the entities of a payload are one flat object") from error
    # Printable: PostgreSQL's JSONB refuses NUL, and what can't be stored would be tried again for ever.
    if not isinstance(entities, dict) or not all(
        isinstance(value, str) and f"{name}{value}".isprintable() for name, value in entities.items()
    ):
        raise ValueError("the entities of a payload are an object of printable strings")
    return intent, entities
