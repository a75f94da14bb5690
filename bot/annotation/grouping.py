"""Which messages say the same: by their spelling, without courtesies, across the two scripts of Darija and Arabic."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from bot.spelling import fold, split_words

#: Varieties in which one word may stand in either script.
_TWO_SCRIPTS = frozenset({"ary-Latn", "ary-Arab", "ar"})
_COURTESIES: Final = frozenset(
    split_words(
        "bonjour bjr bonsoir salut slt svp stp merci please hello hi salam slm afak 3afak chokran choukran "
        "سلام السلام عافاك شكرا فضلك فضلكم المرجو"
    )
)


def find_key(text: str, variety: str) -> str:
    """The key of the group of a message: the same for messages that say the same.

    Args:
        text: the message with the kinds of personal values in their place, so that those don't tell messages apart.
        variety: the variety it is written in; French, English and the rest are kept apart.
    """
    family = "arabic" if variety in _TWO_SCRIPTS else variety
    return sha256(f"{family}:{fold_message(text, across_scripts=family == 'arabic')}".encode()).hexdigest()[:40]


def fold_message(text: str, *, across_scripts: bool = False) -> str:
    """A message without courtesies, spelling, spaces and signs; of courtesies alone, those."""
    words = split_words(text)
    said = [word for word in words if word not in _COURTESIES]
    return fold(" ".join(said or words), across_scripts=across_scripts)
