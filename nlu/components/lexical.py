"""What a message's letters say of its intent: linear ridge regression over character n-grams of two of its forms.

The forms are the normal one and the consonant skeleton, so that "ch7al", "chhal" and "شحال" are neighbours.
"""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer

from nlu.components.normaliser import normalise, skeleton

RIDGE = 0.3
#: Steps of the conjugate gradient; the accuracy does not change after about 30.
STEPS = 30


def _skeleton_of(text: str) -> str:
    return skeleton(normalise(text))


def _view(preprocessor: Any, shortest: int, longest: int) -> TfidfVectorizer:
    return TfidfVectorizer(
        preprocessor=preprocessor,
        analyzer="char_wb",
        ngram_range=(shortest, longest),
        sublinear_tf=True,
        dtype=np.float32,
    )


class LexicalModel:
    """Texts to a score for each class, about 1 for the right one and 0 for the others."""

    def __init__(self) -> None:
        self._views = (_view(normalise, 2, 5), _view(_skeleton_of, 2, 4))
        self._weights = np.zeros((0, 0), dtype=np.float32)

    def fit(self, texts: Sequence[str], labels: np.ndarray, classes: int) -> "LexicalModel":
        """Train on texts and their classes, given as numbers from 0 to `classes` - 1."""
        features = self._join([view.fit_transform(texts) for view in self._views])
        targets = np.eye(classes, dtype=np.float32)[labels]
        self._weights = _solve_ridge(features, targets)
        return self

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Scores of shape (texts, classes)."""
        return self._join([view.transform(texts) for view in self._views]) @ self._weights

    @staticmethod
    def _join(parts: Sequence[csr_matrix]) -> csr_matrix:
        """Both views side by side, so that the product of two rows is the mean of their two cosines."""
        return hstack(parts, format="csr") * np.float32(len(parts) ** -0.5)


def _solve_ridge(features: csr_matrix, targets: np.ndarray) -> np.ndarray:
    """The weights W that minimise |features W - targets|² + RIDGE |W|², of shape (features, classes).

    Conjugate gradient on the dual (features featuresᵀ + RIDGE) A = targets, W = featuresᵀ A, for all classes at once:
    neither matrix is ever formed, so the cost grows with the number of messages and not with its cube.
    """
    transposed = features.T.tocsr()
    solution = np.zeros_like(targets)
    residual = targets.copy()
    direction = residual.copy()
    size = (residual * residual).sum(axis=0)
    for _ in range(STEPS):
        image = features @ (transposed @ direction) + np.float32(RIDGE) * direction
        # A class that is solved already has nothing left to divide by.
        step = size / np.maximum((direction * image).sum(axis=0), np.finfo(np.float32).tiny)
        solution += step * direction
        residual -= step * image
        new_size = (residual * residual).sum(axis=0)
        direction = residual + new_size / np.maximum(size, np.finfo(np.float32).tiny) * direction
        size = new_size
    return np.asarray(transposed @ solution)
