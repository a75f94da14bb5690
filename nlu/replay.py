"""What a trained model makes of messages that people wrote: the console's replay of real conversations.

Standard input has a JSON object a line, ``{"id": 7, "text": "c'est gratuit ?"}``; standard output gets one a line with
the parse as the channel would give it, and the topics of the questions that a message is cut into.  Texts are not
repeated, written to a file, or sent to anybody; no conversation begins.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, TextIO

from nlu.channel import AppMessage, MalformedRequest, describe_parse, find_questions, read_message


def read_texts(lines: TextIO) -> Iterator[Dict[str, Any]]:
    """The messages of standard input.

    Raises:
        ValueError: a line is no such object.
    """
    for number, line in enumerate(lines, start=1):
        message = json.loads(line)
        if not isinstance(message, dict) or set(message) != {"id", "text"}:
            raise ValueError(f"line {number}: expected an object with id and text")
        yield message


async def replay(processor: Any, messages: Iterator[Dict[str, Any]], out: TextIO) -> None:
    """Parse each message as `nlu.channel` does, and write what was understood."""
    from rasa.core.channels.channel import UserMessage

    for message in messages:
        try:
            typed: AppMessage = read_message({"sender": "replay", "text": message["text"]})
        except MalformedRequest as error:
            _write(out, {"id": message["id"], "error": str(error)})
            continue
        parse = describe_parse(await processor.parse_message(UserMessage(typed.text)))
        questions = await find_questions(processor, typed.text)
        topics = [question["intent"]["name"] for question in questions] or [parse["intent"]]
        entities = sorted([str(entity["entity"]), str(entity["value"])] for entity in parse["entities"])
        _write(
            out,
            {"id": message["id"], "topics": topics, "confidence": round(parse["confidence"], 4), "entities": entities},
        )


def _write(out: TextIO, row: Dict[str, Any]) -> None:
    out.write(json.dumps(row, ensure_ascii=False) + "\n")
    out.flush()


def main() -> int:
    """Load the model, read, parse and write; the exit status is 2 for input that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m nlu.replay")
    parser.add_argument("model", type=Path, help="a model file of Rasa")
    arguments = parser.parse_args()
    # What Rasa and its libraries print must not get between the answers.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    from rasa.core.agent import Agent
    from rasa.utils.log_utils import configure_structlog

    configure_structlog(logging.ERROR)
    agent = Agent.load(str(arguments.model))
    try:
        asyncio.run(replay(agent.processor, read_texts(sys.stdin), out))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
