"""How fast campaigns go: a bucket a channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic


@dataclass(slots=True)
class Pace:
    """How many messages a channel may get now: so many a second, and no more than one second's at once."""

    per_s: float
    _left: float = field(default=0.0, init=False)
    _at: float = field(default_factory=monotonic, init=False)

    def fill(self) -> int:
        """How many may go now."""
        now = monotonic()
        self._left = min(max(1.0, self.per_s), self._left + (now - self._at) * self.per_s)
        self._at = now
        return int(self._left)

    def take(self) -> None:
        """One goes."""
        self._left -= 1
