"""The sentence encoder: multilingual-e5-small fine-tuned on nlu/examples (`make encoder`), on the processor.

nlu/encoder holds its three files; a card beside them tells what it was made from.  Word vectors stay in 4 bits on disk
and only the rows of a message's pieces are expanded.  Without the files the classifier works on letters alone, with a
warning; docs/understanding.md says what that costs.
"""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from pathlib import Path
from typing import Optional, Sequence

import numpy as np

logger = logging.getLogger(__name__)

ENCODER_FOLDER = Path(__file__).resolve().parent.parent / "encoder"
NETWORK_FILE = "network.onnx"
WORDS_FILE = "words.npy"
TOKENIZER_FILE = "tokenizer.json"
#: E5 was trained with this before a question (https://huggingface.co/intfloat/multilingual-e5-small).
PREFIX = "query: "
DIMENSIONS = 384
BATCH = 64
_PADDING = 1
_HALF_OFFSET = 8


class SentenceEncoder:
    """Texts to unit vectors."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Load the files.

        Args:
            folder: with `NETWORK_FILE`, `WORDS_FILE` and `TOKENIZER_FILE`.
            threads: that compute one batch; 1 in service, where a message is short and other processes need the cores.
        """
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(folder / NETWORK_FILE), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        self._words = np.load(folder / WORDS_FILE, mmap_mode="r")

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, float32 of shape (texts, 384)."""
        pieces = [item.ids for item in self._tokenizer.encode_batch([PREFIX + text for text in texts])]
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        # Messages of like length together: padding is computed too.
        order = sorted(range(len(texts)), key=lambda index: len(pieces[index]))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            vectors[batch] = self._run([pieces[index] for index in batch])
        return vectors

    def _run(self, pieces: Sequence[Sequence[int]]) -> np.ndarray:
        longest = max(len(message) for message in pieces)
        numbers = np.full((len(pieces), longest), _PADDING)
        mask = np.zeros((len(pieces), longest), dtype=np.float32)
        for row, message in enumerate(pieces):
            numbers[row, : len(message)] = message
            mask[row, : len(message)] = 1.0
        blocks = self._words[numbers]
        halves = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=-1).astype(np.float32)
        words = (halves - _HALF_OFFSET) * blocks["scale"].astype(np.float32)[..., None]
        (vectors,) = self._session.run(None, {"words": words.reshape(*numbers.shape, -1), "mask": mask})
        return vectors


@lru_cache(maxsize=2)
def _load(threads: int) -> Optional[SentenceEncoder]:
    if not (ENCODER_FOLDER / NETWORK_FILE).exists():
        logger.warning("nlu/encoder has no %s: intents are told apart by their letters alone", NETWORK_FILE)
        return None
    return SentenceEncoder(ENCODER_FOLDER, threads)


def encode(texts: Sequence[str]) -> Optional[np.ndarray]:
    """Unit vectors of texts, float32 of shape (len(texts), 384); None without the encoder."""
    encoder = _load(1 if len(texts) == 1 else os.cpu_count() or 1)
    return None if encoder is None else encoder.encode(texts)
