"""The vectors of training messages that are kept between trainings."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from nlu.components import vectors
from nlu.components.encoder import encode
from nlu.components.vectors import encode_training

TEXTS = ["c'est gratuit ?", "واش فابور", "two\nlines", "c'est gratuit ?"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of vectors."""
    monkeypatch.setattr(vectors, "VECTORS_FOLDER", tmp_path / "vectors")
    return tmp_path / "vectors"


def count_encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is encoded from now on, besides the question whether there is an encoder."""
    encoded: list[str] = []

    def count(texts: list[str]) -> np.ndarray | None:
        encoded.extend(text for text in texts if text)
        return encode(texts)

    monkeypatch.setattr(vectors, "encode", count)
    return encoded


def test_only_new_messages_are_encoded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same vectors as without the file, bit by bit, and each message is encoded once."""
    encoded = count_encoded(monkeypatch)
    assert np.array_equal(encode_training(TEXTS), encode(TEXTS))
    assert encoded == TEXTS[:3]
    assert np.array_equal(encode_training([*TEXTS, "nouveau"]), encode([*TEXTS, "nouveau"]))
    assert encoded == [*TEXTS[:3], "nouveau"]
    assert len(list(folder.iterdir())) == 1


def test_another_encoder_starts_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors of an encoder that is no longer there are taken away."""
    encode_training(TEXTS)
    encoded = count_encoded(monkeypatch)
    monkeypatch.setattr(vectors, "_hash_encoder", lambda: "another")
    encode_training(TEXTS)
    assert encoded == TEXTS[:3]
    assert [path.name for path in folder.iterdir()] == ["another.npz"]


@pytest.mark.parametrize("content", [b"", b"PK", b"not a file of numpy"])
def test_a_broken_file_costs_only_time(folder: Path, caplog: pytest.LogCaptureFixture, content: bytes) -> None:
    """A file that was cut short is told and made anew."""
    encode_training(TEXTS)
    (path,) = folder.iterdir()
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(encode_training(TEXTS), encode(TEXTS))
    assert path.name in caplog.text
    assert len(path.read_bytes()) > 100


def test_without_the_encoder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No encoder, no vectors, no file."""
    monkeypatch.setattr(vectors, "encode", lambda texts: None)
    assert encode_training(TEXTS) is None
    assert not folder.exists()
