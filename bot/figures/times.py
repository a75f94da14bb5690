"""Lengths of time as histograms: percentiles of many days can't be made from those of each day, but counts add up."""

from __future__ import annotations

import math
from collections.abc import Mapping

#: Lengths up to this, in seconds, are one bucket; each bucket after it ends 5 % later than the one before.
FIRST_S = 0.1
GROWTH = 1.05
#: How far `find_quantile` may be from the length that is at that rank, as a share of it; above `FIRST_S`.
ERROR = math.sqrt(GROWTH) - 1


def find_bucket(seconds: float) -> int:
    """The number of the bucket of a length, from 0 on; what is negative (clocks that differ) counts as nothing."""
    if seconds <= FIRST_S:
        return 0
    return 1 + math.floor(math.log(seconds / FIRST_S) / math.log(GROWTH))


def find_quantile(buckets: Mapping[int, int], share: float) -> float | None:
    """The length that so large a share of all lengths does not exceed, in seconds: that of the nearest rank.

    It is right to within `ERROR`, 2.5 %.

    Args:
        buckets: how many lengths there are by `find_bucket`.
        share: over 0, up to 1: 0.5 is the median.

    Returns:
        None where there are no lengths.
    """
    total = sum(buckets.values())
    if not total:
        return None
    rank, seen = math.ceil(share * total), 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if seen >= rank:
            break
    # The middle of a bucket, as ratios go.
    return FIRST_S if bucket == 0 else FIRST_S * GROWTH ** (bucket - 0.5)
