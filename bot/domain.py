"""Keep domain.yml's responses in step with what the bot says in French, so that Rasa's own tools show real text."""

from __future__ import annotations

import sys
from typing import Any

import yaml

from bot.answers import Answers, FactBook
from bot.content import load_shapes
from bot.db.base import Base
from bot.db.engine import open_database
from bot.db.seed import seed
from bot.messages import Answer
from bot.settings import ROOT

DOMAIN = ROOT / "domain.yml"
MARKER = "# --- written by `python -m bot domain`; do not edit below ---\n"


class _BlockText(str):
    """A text that YAML shows as a literal block."""


def _represent_block(dumper: yaml.SafeDumper, text: _BlockText) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(_BlockText, _represent_block)


async def _responses() -> dict[str, Any]:
    """Every fixed answer in French, with the facts as they are shipped."""
    db = open_database("sqlite+aiosqlite:///:memory:")
    try:
        async with db.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with db.write() as session:
            await seed(session)
        answers = Answers(FactBook(db))
        responses = {}
        for key in load_shapes():
            if key.startswith("utter_"):
                outbound = await answers.render(Answer(key), "fr")
                buttons = [{"title": b.title, "payload": b.payload} for b in outbound.buttons if b.payload]
                # Rasa fills in {slots}: no brace of ours may be read as one.
                text = _BlockText(outbound.text.replace("{", "(").replace("}", ")"))
                responses[key] = [{"text": text, **({"buttons": buttons} if buttons else {})}]
        return responses
    finally:
        await db.aclose()


async def _wanted() -> str:
    head, marker, _ = DOMAIN.read_text(encoding="utf-8").partition(MARKER)
    if not marker:
        raise SystemExit(f"domain.yml has lost its line {MARKER!r}")
    body = yaml.dump({"responses": await _responses()}, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)
    return head + MARKER + body


async def write_domain() -> int:
    """Write the responses; 0."""
    DOMAIN.write_text(await _wanted(), encoding="utf-8")
    return 0


async def check_domain() -> int:
    """0 when domain.yml is up to date, else 1 with a line that says what to do."""
    if await _wanted() == DOMAIN.read_text(encoding="utf-8"):
        return 0
    print("domain.yml is behind bot/content: run `python -m bot domain`", file=sys.stderr)
    return 1
