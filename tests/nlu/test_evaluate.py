"""The evaluation: what it reads, and that its figures are what they say."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nlu.evaluate import Labelled, MalformedData, Parsed, measure, parse_all, read_labelled, tabulate_reliability

ROOT = Path(__file__).parents[2]


def parsed(expected: str, intent: str, confidence: float = 0.9, refused: bool = False, variety: str = "fr") -> Parsed:
    return Parsed(tuple(expected.split("|")), "une deux trois", intent, confidence, refused, variety, 10.0)


def test_reads_labels_and_texts(tmp_path: Path) -> None:
    """One or two labels, a tab, a text with tabs of its own; a byte order mark, Windows ends, empty lines pass."""
    file = tmp_path / "a.tsv"
    file.write_bytes("\ufeffgreet\tbonjour\r\n\r\naffirm | thank\tok\tmerci\n".encode())
    assert read_labelled(file) == [Labelled(("greet",), "bonjour"), Labelled(("affirm", "thank"), "ok\tmerci")]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"greet bonjour\n", r"a\.tsv:1: expected intent\[\|second\]<TAB>text"),
        (b"greet\tbonjour\n\tok\n", r"a\.tsv:2"),
        (b"greet|\tbonjour\n", r"a\.tsv:1"),
        (b"greet\t \n", r"a\.tsv:1"),
        (b"\n\n", "holds no message"),
        (b"greet\t\xff\xfe\n", "cannot be read as UTF-8"),
    ],
)
def test_bad_files_are_told(tmp_path: Path, content: bytes, part: str) -> None:
    """What is wrong is named with its line."""
    (tmp_path / "a.tsv").write_bytes(content)
    with pytest.raises(MalformedData, match=part):
        read_labelled(tmp_path / "a.tsv")


def test_a_bad_file_ends_the_command(tmp_path: Path) -> None:
    """The command says it in one line, before anything is loaded, and writes no report."""
    report = tmp_path / "report.json"
    command = [
        sys.executable,
        "-m",
        "nlu.evaluate",
        "none.tar.gz",
        str(tmp_path / "missing.tsv"),
        "--json",
        str(report),
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert "missing.tsv: cannot be read" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not report.exists()


def test_figures() -> None:
    """Either label is right; refusals and out-of-scope messages are told apart from the best intent."""
    figures = measure(
        [
            parsed("greet", "greet", 0.8),
            parsed("greet|thank", "thank", 0.8),
            parsed("affirm", "greet", 0.8, variety="en"),
            parsed("affirm", "affirm", 0.1, refused=True),
            parsed("deny", "out_of_scope", 0.8),
            parsed("out_of_scope", "out_of_scope", 0.8),
            parsed("out_of_scope", "greet", 0.1, refused=True),
            parsed("out_of_scope", "greet", 0.8),
        ],
        "fr",
    )
    assert figures["n"] == 8
    assert figures["accuracy"] == 0.5
    assert figures["out_of_scope_recall"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["good_refused"] == 0.4
    assert figures["variety_accuracy"] == 0.875
    # In the order of the sum: affirm (1 hit, 2 true, 1 given), greet (1, 1, 4), thank, deny, out_of_scope (1, 3, 2).
    assert figures["macro_f1"] == pytest.approx((2 / 3 + 2 / 5 + 1 + 0 + 2 / 5) / 5, abs=1e-4)
    # six at .8 with 3 right, two at .1 with 1 right
    assert figures["calibration_error"] == pytest.approx((6 * 0.3 + 2 * 0.4) / 8, abs=1e-4)
    assert figures["p50_ms"] == 10.0


def test_reliability() -> None:
    """Messages are counted by tenths of their probability, 1.0 in the last."""
    assert tabulate_reliability([parsed("a", "a", 1.0), parsed("a", "b", 0.95), parsed("a", "a", 0.31)]) == [
        {"from": 0.3, "n": 1, "confidence": 0.31, "accuracy": 1.0},
        {"from": 0.9, "n": 2, "confidence": 0.975, "accuracy": 0.5},
    ]


def test_nothing_to_count_is_none() -> None:
    """Shares of nothing are not 0."""
    figures = measure([parsed("greet", "greet")])
    assert figures["out_of_scope_recall"] is None
    assert figures["variety_accuracy"] is None
    assert json.dumps(figures)


def test_parses_inside_rasa(agent: Any) -> None:
    """Each message goes through the whole pipeline of a trained model."""
    found = asyncio.run(
        parse_all(agent, [Labelled(("greet",), "bonjour"), Labelled(("jobintech_cost",), "شحال الثمن")])
    )
    assert [item.intent for item in found] == ["greet", "jobintech_cost"]
    assert all(item.right and item.ms > 0 and 0 < item.confidence <= 1 for item in found)
