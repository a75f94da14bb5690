"""Keep the vectors of training messages between trainings: only what is new has to be encoded.

Encoding is most of a training's time.  A vector depends on the message, the encoder and what runs it, so the file is
named by a hash of the latter two, and files of others are taken away.
"""

from __future__ import annotations

import hashlib
import logging
import os
import zipfile
from pathlib import Path
from typing import Dict, Optional, Sequence

import numpy as np
import onnxruntime

from nlu.components import encoder
from nlu.components.encoder import DIMENSIONS, encode

logger = logging.getLogger(__name__)

VECTORS_FOLDER = Path(__file__).resolve().parents[2] / "var" / "vectors"


def encode_training(texts: Sequence[str]) -> Optional[np.ndarray]:
    """Unit vectors of training messages, float32 of shape (len(texts), 384); None without the encoder."""
    if encode([""]) is None:
        return None
    path = VECTORS_FOLDER / f"{_hash_encoder()}.npz"
    known = _read(path)
    missing = [text for text in dict.fromkeys(texts) if text not in known]
    if missing:
        logger.info("encoding %d of %d messages", len(missing), len(texts))
        known.update(zip(missing, encode(missing)))
        try:
            _write(path, {text: known[text] for text in dict.fromkeys(texts)})
        except OSError as error:
            logger.warning("%s cannot be written (%s): the next training encodes every message again", path, error)
    return np.stack([known[text] for text in texts]) if texts else np.zeros((0, DIMENSIONS), dtype=np.float32)


def _hash_encoder() -> str:
    digest = hashlib.sha256(f"{onnxruntime.__version__} {encoder.PREFIX}".encode())
    for name in (encoder.NETWORK_FILE, encoder.WORDS_FILE, encoder.TOKENIZER_FILE):
        digest.update((encoder.ENCODER_FOLDER / name).read_bytes())
    return digest.hexdigest()[:16]


def _read(path: Path) -> Dict[str, np.ndarray]:
    if not path.exists():
        return {}
    try:
        with np.load(path) as stored:
            texts = stored["texts"].tobytes().decode("utf-8").split("\0")
            return dict(zip(texts, stored["vectors"]))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        # Nothing is lost with it but time.
        logger.warning("%s cannot be read (%s): every message is encoded again", path, error)
        return {}


def _write(path: Path, vectors: Dict[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for other in path.parent.glob("*.npz"):
        if other != path:
            other.unlink(missing_ok=True)
    texts = np.frombuffer("\0".join(vectors).encode("utf-8"), dtype=np.uint8)
    part = path.with_name(f"{path.stem}.{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez(file, texts=texts, vectors=np.stack(list(vectors.values())))
    part.replace(path)
