"""Put another model into a running Rasa, without a turn that waits for it or fails.

The new model is loaded beside the old one, in a thread, and tried on a few messages; only then do turns go to it.  What
Rasa remembers of conversations stays: that is why this is not Rasa's own ``PUT /model``, which begins with an empty
memory.

A turn that was parsed by one model may be handled by the next, so both must have the same domain; one of another domain
is refused here, and one of other rules by the app (`bot.registry`).
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.core.processor import MessageProcessor

#: Names of models: no folder, so that nothing outside of the models' own can be loaded (a model is code).
MODEL_NAME = re.compile(r"\A[\w-]+\.tar\.gz\Z", re.ASCII)
#: The share of the messages that a model is tried on which it must understand.
SMALLEST_SHARE = 0.8


class SwapRefused(Exception):
    """The running model stays; the text says why."""


@dataclass(frozen=True)
class Wanted:
    """A checked request: the model's file, and messages with the intents that they must be understood as."""

    name: str
    checks: Tuple[Tuple[str, str], ...]


def read_wanted(body: Any) -> Wanted:
    """Check a request's body, ``{"model": "….tar.gz", "checks": [["bonjour", "greet"], …]}``.

    Raises:
        ValueError: it is not that, or has no check.
    """
    if not isinstance(body, dict) or set(body) != {"model", "checks"}:
        raise ValueError("the body must be a JSON object with model and checks")
    name, checks = body["model"], body["checks"]
    if not isinstance(name, str) or not MODEL_NAME.match(name):
        raise ValueError("model must be the name of a file in the folder of models, like 0123456789abcdef.tar.gz")
    is_list = isinstance(checks, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) and part for part in pair)
        for pair in checks
    )
    if not is_list or not checks:
        raise ValueError("checks must be a list of one or more [text, intent]")
    return Wanted(name, tuple((text, intent) for text, intent in checks))


class Swapper:
    """Loads models into an agent, one at a time."""

    def __init__(self) -> None:
        """Nothing is loaded yet."""
        self._lock: Optional[asyncio.Lock] = None

    async def swap(self, agent: Agent, folder: Path, wanted: Wanted) -> Dict[str, Any]:
        """Load a model, try it, and give turns to it.

        Args:
            agent: the running one.
            folder: where its models are.
            wanted: which one of them.

        Returns:
            The name of the model, and how long it took to load and to try, in ms.

        Raises:
            SwapRefused: the file is missing or can't be loaded, its domain is another, it fails on a message, or it
                understands too few of them; or another swap is running.
        """
        if self._lock is None:
            self._lock = asyncio.Lock()
        if self._lock.locked():
            raise SwapRefused("another model is being loaded")
        async with self._lock:
            path = folder / wanted.name
            if not path.is_file():
                raise SwapRefused(f"{wanted.name} is not in {folder}")
            started = time.perf_counter()
            processor = await asyncio.get_running_loop().run_in_executor(None, load_beside, agent, path)
            loaded = time.perf_counter()
            await try_model(processor, wanted.checks)
            use(agent, processor)
            return {
                "model": wanted.name,
                "load_ms": round((loaded - started) * 1_000),
                "check_ms": round((time.perf_counter() - loaded) * 1_000),
            }


def load_beside(agent: Agent, path: Path) -> MessageProcessor:
    """A processor of another model with the memory, the locks and the actions of a running agent.

    Raises:
        SwapRefused: the model can't be loaded, or was made for another domain.
    """
    try:
        processor = MessageProcessor(
            model_path=path,
            tracker_store=agent.tracker_store,
            lock_store=agent.lock_store,
            generator=agent.nlg,
            action_endpoint=agent.action_endpoint,
        )
    except Exception as error:  # a file cut short, a pickle of other code: whatever it is, the old model goes on
        raise SwapRefused(f"{path.name} can't be loaded: {type(error).__name__}: {error}") from error
    if processor.domain.fingerprint() != agent.domain.fingerprint():
        raise SwapRefused(f"{path.name} was made for another domain.yml: start the assistant again with it")
    return processor


async def try_model(processor: MessageProcessor, checks: Tuple[Tuple[str, str], ...]) -> None:
    """Have a model understand some messages.

    Raises:
        SwapRefused: it fails on one, or takes too many for something else.
    """
    wrong: List[str] = []
    for text, intent in checks:
        try:
            parse = await processor.parse_message(UserMessage(text))
        except Exception as error:  # whatever a model does, it does not become the live one
            raise SwapRefused(f"the model fails on {text!r}: {type(error).__name__}: {error}") from error
        found = (parse.get("intent") or {}).get("name")
        if found != intent:
            wrong.append(f"{text!r} is {found}, not {intent}")
        # Turns that came meanwhile go first.
        await asyncio.sleep(0)
    if len(checks) - len(wrong) < SMALLEST_SHARE * len(checks):
        raise SwapRefused(f"the model misunderstands {len(wrong)} of {len(checks)} plain messages: {'; '.join(wrong)}")


def use(agent: Agent, processor: MessageProcessor) -> None:
    """Give the turns of an agent to another processor from now on."""
    agent.processor = processor
    agent.domain = processor.domain
    agent.tracker_store.domain = processor.domain
