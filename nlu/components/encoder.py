"""The sentence encoder: multilingual-e5-small fine-tuned on nlu/examples (`make encoder`), on the processor.

nlu/encoder holds its three files; a card beside them tells what it was made from.  Word vectors stay in 4 bits on disk
and only the rows of a message's pieces are expanded.  Without the files the classifier works on letters alone, with a
warning; docs/understanding.md says what that costs.
"""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
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
_HALF_OFFSET = 8


class SentenceEncoder:
    """Texts to unit vectors."""

    def __init__(self, folder: Path) -> None:
        """Load `NETWORK_FILE`, `WORDS_FILE` and `TOKENIZER_FILE` of a folder."""
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        # A message is short, and in service other processes need the cores.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / NETWORK_FILE), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        self._words = np.load(folder / WORDS_FILE, mmap_mode="r")

    def encode(self, text: str) -> np.ndarray:
        """The unit vector of one text, float32 of shape (384,).

        Texts are never batched: the network's integers are scaled by the largest activation of a batch, so that a
        text's vector would depend on its neighbours, and those of training would not be those of service.
        """
        numbers = self._tokenizer.encode(PREFIX + text).ids
        blocks = self._words[numbers]
        halves = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=-1).astype(np.float32)
        words = (halves - _HALF_OFFSET) * blocks["scale"].astype(np.float32)[..., None]
        inputs = {
            "words": words.reshape(1, len(numbers), DIMENSIONS),
            "mask": np.ones((1, len(numbers)), dtype=np.float32),
        }
        return np.asarray(self._session.run(None, inputs)[0][0])


@lru_cache(maxsize=1)
def _load() -> Optional[SentenceEncoder]:
    if not (ENCODER_FOLDER / NETWORK_FILE).exists():
        logger.warning("nlu/encoder has no %s: intents are told apart by their letters alone", NETWORK_FILE)
        return None
    return SentenceEncoder(ENCODER_FOLDER)


def encode(texts: Sequence[str]) -> Optional[np.ndarray]:
    """Unit vectors of texts, float32 of shape (len(texts), 384); None without the encoder."""
    encoder = _load()
    if encoder is None:
        return None
    if len(texts) == 1:
        return encoder.encode(texts[0])[None]
    # The network lets go of Python's lock, so threads share the cores.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.stack(list(pool.map(encoder.encode, texts)))
