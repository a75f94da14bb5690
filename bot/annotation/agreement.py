"""How far labels of different members agree: the observed agreement, and Cohen's kappa of two members."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of `count` groups that two looked at, the share in which both chose the same intent, from 0 to 1.

    `kappa` takes off what chance alone would give (J. Cohen, 1960): 1 is full agreement, 0 is that of chance, below 0
    is less than chance. None: it says nothing, since both gave one and the same label all along.
    """

    count: int
    share: float
    kappa: float | None


def measure(labels: Mapping[tuple[str, str], int]) -> Agreement | None:
    """The agreement of two raters, out of how often each pair of labels was given; None without any."""
    count = sum(labels.values())
    if not count:
        return None
    share = sum(number for (one, other), number in labels.items() if one == other) / count
    first, second = Counter[str](), Counter[str]()
    for (one, other), number in labels.items():
        first[one] += number
        second[other] += number
    by_chance = sum(first[label] * second[label] for label in first) / count**2
    kappa = None if by_chance == 1 else (share - by_chance) / (1 - by_chance)
    return Agreement(count, share, kappa)


def unite(all_labels: Iterable[Mapping[tuple[str, str], int]]) -> tuple[int, float] | None:
    """The observed agreement over several pairs of raters: how many looks in twos, and the share of equal ones."""
    measured = [each for labels in all_labels if (each := measure(labels)) is not None]
    count = sum(each.count for each in measured)
    return (count, sum(each.share * each.count for each in measured) / count) if count else None
