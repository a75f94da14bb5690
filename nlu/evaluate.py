"""Measure a trained model on labelled messages, inside Rasa as people meet it: `make evaluate DATA="a.tsv b.tsv"`.

A file has a message a line, ``intent[|second acceptable]<TAB>text``.  The right intent is the first of the ranking,
whatever the thresholds make of it; what the thresholds do is told apart, as the good questions that are refused and the
out-of-scope messages that are not answered as something else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import sys
import time
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from nlu.components.script import VARIETY_WORDS
from nlu.entities import measure_entities, read_marked

OUT_OF_SCOPE = "out_of_scope"
FALLBACK = "nlu_fallback"
VARIETIES = ("fr", "ary-Latn", "ary-Arab", "ar", "en")
CALIBRATION_BINS = 10
WORST_CONFUSIONS = 12


class MalformedData(ValueError):
    """A file of labelled messages cannot be read; the text names the file, the line and what is expected."""


@dataclass(frozen=True)
class Labelled:
    """One message with the intents that are right for it, the first preferred."""

    intents: Tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Parsed:
    """What the model made of a message: the best intent and its probability, whether it was refused, and the time."""

    expected: Tuple[str, ...]
    text: str
    intent: str
    confidence: float
    refused: bool
    variety: str
    ms: float

    @property
    def right(self) -> bool:
        """Whether the best intent is one of the acceptable ones."""
        return self.intent in self.expected


def read_labelled(path: Path) -> List[Labelled]:
    """The messages of a TSV file; empty lines are passed over.

    Raises:
        MalformedData: the file cannot be read as UTF-8, a line lacks its tab, intent or text, or there is no message.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedData(f"{path}: cannot be read as UTF-8 text: {error}") from error
    messages = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        labels, tab, text = line.rstrip("\r").partition("\t")
        intents = tuple(label.strip() for label in labels.split("|"))
        if not tab or not all(intents) or not text.strip():
            raise MalformedData(f"{path}:{number}: expected intent[|second]<TAB>text, found {line!r}")
        messages.append(Labelled(intents, text.strip()))
    if not messages:
        raise MalformedData(f"{path}: holds no message")
    return messages


async def parse_all(
    agent: Any, messages: Sequence[Labelled], tell: Callable[[Parsed], None] = lambda parsed: None
) -> List[Parsed]:
    """Parse each message by itself with a loaded Rasa agent; the time is that of the whole pipeline, in ms.

    `tell` hears of each as soon as it is parsed.
    """
    parsed = []
    for message in messages:
        started = time.perf_counter()
        parse = await agent.parse_message(message.text)
        ms = (time.perf_counter() - started) * 1_000
        ranking = [entry for entry in parse["intent_ranking"] if entry["name"] != FALLBACK]
        best = ranking[0] if ranking else {"name": FALLBACK, "confidence": 0.0}
        parsed.append(
            Parsed(
                message.intents,
                message.text,
                str(best["name"]),
                float(best["confidence"]),
                parse["intent"]["name"] == FALLBACK,
                str(parse.get("variety", {}).get("name", "")),
                ms,
            )
        )
        tell(parsed[-1])
    return parsed


def describe_outcome(item: Parsed) -> Dict[str, Any]:
    """What became of one message: what it is and was taken for, whether that is right, and whether it was refused."""
    return {
        "text": item.text,
        "expected": list(item.expected),
        "intent": item.intent,
        "confidence": round(item.confidence, 4),
        "right": item.right,
        "refused": item.refused,
    }


def measure(parsed: Sequence[Parsed], variety: str = "") -> Dict[str, Any]:
    """The figures of one set of parsed messages; shares are of 1, None where there is nothing to count.

    Args:
        parsed: at least one message.
        variety: what the messages are written in, if known, to measure its identification too.
    """
    outside = [item for item in parsed if OUT_OF_SCOPE in item.expected]
    inside = [item for item in parsed if OUT_OF_SCOPE not in item.expected]
    times = sorted(item.ms for item in parsed)
    long_enough = [item for item in parsed if len(item.text.split()) >= VARIETY_WORDS]
    return {
        "n": len(parsed),
        "accuracy": _share(item.right for item in parsed),
        "macro_f1": _macro_f1(parsed),
        "out_of_scope_recall": _share(item.refused or item.intent == OUT_OF_SCOPE for item in outside),
        "good_refused": _share(item.refused or item.intent == OUT_OF_SCOPE for item in inside),
        "variety_accuracy": _share(item.variety == variety for item in long_enough) if variety else None,
        "calibration_error": _calibration_error(parsed),
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(times[min(len(times) - 1, int(len(times) * 0.95))], 1),
    }


def _share(hits: Any) -> Any:
    hits = list(hits)
    return round(sum(hits) / len(hits), 4) if hits else None


def _macro_f1(parsed: Sequence[Parsed]) -> float:
    """The mean F1 over the expected intents; a message with two labels counts for the one that was given, if any."""
    true: Counter[str] = Counter()
    given: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    for item in parsed:
        true[item.intent if item.right else item.expected[0]] += 1
        given[item.intent] += 1
        hit[item.intent] += item.right
    scores = [2 * hit[intent] / (true[intent] + given[intent]) for intent in true]
    return round(sum(scores) / len(scores), 4)


def tabulate_reliability(parsed: Sequence[Parsed]) -> List[Dict[str, Any]]:
    """Messages by tenths of the probability given to the best intent, with the share that was right."""
    bins: Dict[int, List[Parsed]] = defaultdict(list)
    for item in parsed:
        bins[min(int(item.confidence * CALIBRATION_BINS), CALIBRATION_BINS - 1)].append(item)
    return [
        {
            "from": index / CALIBRATION_BINS,
            "n": len(items),
            "confidence": round(sum(item.confidence for item in items) / len(items), 4),
            "accuracy": _share(item.right for item in items),
        }
        for index, items in sorted(bins.items())
    ]


def _calibration_error(parsed: Sequence[Parsed]) -> float:
    """Expected calibration error (Guo et al., "On Calibration of Modern Neural Networks", 2017), ten equal bins."""
    table = tabulate_reliability(parsed)
    return round(sum(row["n"] * abs(row["confidence"] - row["accuracy"]) for row in table) / len(parsed), 4)


def evaluate(
    model: Path, files: Sequence[Path], marked: Sequence[Path] = (), outcomes: Optional[Path] = None
) -> Dict[str, Any]:
    """Load the model once and measure every file; the report as `make evaluate JSON=…` writes it.

    Args:
        files: of labelled messages.
        marked: files of messages with marked entities (`nlu.entities`).
        outcomes: where to write what became of each message, a JSON object a line, as they are parsed.

    Raises:
        MalformedData: a file is not labelled messages.
        ValueError: a file is not marked messages.
    """
    sets = [(path, read_labelled(path)) for path in files]
    marked_messages = [message for path in marked for message in read_marked(path)]
    from rasa.core.agent import Agent
    from rasa.utils.log_utils import configure_structlog

    # Rasa tells of every message that it parses.
    configure_structlog(logging.ERROR)
    agent = Agent.load(str(model))
    everything: List[Parsed] = []
    report: Dict[str, Any] = {"model": model.name, "files": []}
    with ExitStack() as stack:
        kept = stack.enter_context(outcomes.open("w", encoding="utf-8", buffering=1)) if outcomes else None
        for path, messages in sets:

            def keep(item: Parsed, file: str = path.stem) -> None:
                if kept is not None:
                    kept.write(json.dumps({"file": file, **describe_outcome(item)}, ensure_ascii=False) + "\n")

            parsed = asyncio.run(parse_all(agent, messages, keep))
            variety = path.name.split(".")[0]
            report["files"].append({"file": str(path), **measure(parsed, variety if variety in VARIETIES else "")})
            everything += parsed
    confusions = Counter((item.expected[0], item.intent) for item in everything if not item.right)
    report["all"] = measure(everything)
    if marked_messages:
        report["entities"] = asyncio.run(measure_entities(agent.parse_message, marked_messages))
    report["reliability"] = tabulate_reliability(everything)
    report["confusions"] = [
        {
            "expected": expected,
            "given": given,
            "n": count,
            "examples": [item.text for item in everything if (item.expected[0], item.intent) == (expected, given)][:3],
        }
        for (expected, given), count in confusions.most_common(WORST_CONFUSIONS)
    ]
    return report


_COLUMNS = ("n", "accuracy", "macro_f1", "out_of_scope_recall", "good_refused", "variety_accuracy",
            "calibration_error", "p50_ms", "p95_ms")  # fmt: skip
_TITLES = ("n", "accuracy", "macro F1", "oos kept", "refused", "variety", "cal. err.", "p50 ms", "p95 ms")


def print_report(report: Dict[str, Any]) -> None:
    """The report as tables for people."""
    rows = [*report["files"], {"file": "all", **report["all"]}]
    width = max(len(row["file"]) for row in rows)
    print(" " * width, *(f"{title:>9}" for title in _TITLES))
    for row in rows:
        cells = ("–" if row[key] is None else f"{row[key]:.3f}" if key not in _ROUND else row[key] for key in _COLUMNS)
        print(f"{row['file']:<{width}}", *(f"{cell:>9}" for cell in cells))
    print("\nprobability   messages   right")
    for row in report["reliability"]:
        print(f"{row['confidence']:>11.2f} {row['n']:>10} {row['accuracy']:>7.2f}")
    for kind, row in report.get("entities", {}).items():
        figures = f"F1 {row['f1']:.3f}, precision {row['precision']:.3f}, recall {row['recall']:.3f}"
        print(f"{kind:>12}: {figures} of {row['marked']}")
    print("\nmost confused: expected → given")
    for row in report["confusions"]:
        print(f"{row['n']:>4}  {row['expected']} → {row['given']}: {row['examples'][0]!r}")


_ROUND = frozenset({"n", "p50_ms", "p95_ms"})


def main() -> int:
    """Measure, print and write; the exit status is 2 for data that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m nlu.evaluate")
    parser.add_argument("model", type=Path, help="a model file of Rasa")
    parser.add_argument("files", type=Path, nargs="+", help="TSV files: intent[|second]<TAB>text")
    parser.add_argument("--entities", type=Path, nargs="*", default=[], help="files of messages with marked entities")
    parser.add_argument("--json", type=Path, help="write the report there too")
    parser.add_argument("--outcomes", type=Path, help="write what became of each message there")
    arguments = parser.parse_args()
    try:
        report = evaluate(arguments.model, arguments.files, arguments.entities, arguments.outcomes)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print_report(report)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
