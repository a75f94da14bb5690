"""The counts of several days added up, and the numbers that are made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from bot.figures.counting import DEALT_WITH, STOPPED
from bot.figures.times import find_quantile
from bot.figures.topics import NOT_TOPICS

#: A value, None where there is no data, and of how many it is made.
Made = tuple[float | None, int]


#: What the parts of keys are asked for by.
_PARTS = ("first", "second", "third")


class Sums:
    """Counts by name and key, added up.

    Attributes:
        by_name: the counts; keys of several parts are tuples.
    """

    def __init__(self, days: Iterable[Mapping[str, Mapping[str, int]]] = ()) -> None:
        joined: dict[str, dict[str, int]] = {}
        for counts in days:
            for name, keys in counts.items():
                total = joined.setdefault(name, {})
                for key, count in keys.items():
                    total[key] = total.get(key, 0) + count
        self._projected: dict[tuple[str, tuple[int, ...]], Counter[tuple[str, ...]]] = {}
        self.by_name = {
            name: Counter({tuple(key.split("|")): count for key, count in keys.items()})
            for name, keys in joined.items()
        }

    def count(self, name: str, **at: str) -> int:
        """How many there are; ``first="telegram"`` and ``second="fr"`` are what the parts of a key must be."""
        places = tuple(place for place, part in enumerate(_PARTS) if part in at)
        return self._project(name, places)[tuple(at[_PARTS[place]] for place in places)]

    def by(self, name: str, part: int) -> Counter[str]:
        """The counts of a name by one part of their keys, from 0 on."""
        return Counter({key[0]: count for key, count in self._project(name, (part,)).items()})

    def _project(self, name: str, places: tuple[int, ...]) -> Counter[tuple[str, ...]]:
        """The counts of a name by some parts of their keys; tables ask for the same again and again."""
        known = self._projected.get((name, places))
        if known is None:
            known = Counter()
            for key, count in self.by_name.get(name, Counter()).items():
                known[tuple(key[place] if place < len(key) else "" for place in places)] += count
            self._projected[name, places] = known
        return known

    def count_besides(self, name: str, keys: Collection[str]) -> int:
        """How many there are whose key begins with none of some."""
        return sum(count for key, count in self.by_name.get(name, Counter()).items() if key[0] not in keys)

    def message_share(self, outcome: str) -> Made:
        """The share of an outcome of all messages of people."""
        return _share(self.count("outcome", third=outcome), self.count("outcome"))

    def topic_share(self, intent: str) -> Made:
        """The share of a topic of the messages that have one (`NOT_TOPICS` are none)."""
        return _share(self.count("topic", first=intent), self.count_besides("topic", NOT_TOPICS))

    def outcome_share(self, outcome: str, **at: str) -> Made:
        """The share of an outcome of the messages that the bot dealt with."""
        dealt = sum(self.count("outcome", third=each, **at) for each in DEALT_WITH)
        return _share(self.count("outcome", third=outcome, **at), dealt)

    def quantile(self, name: str, share: float, **at: str) -> Made:
        """A percentile of lengths of time, in seconds."""
        buckets: Counter[int] = Counter()
        for key, count in self.by_name.get(name, Counter()).items():
            if _fits(key, at):
                buckets[int(key[-1])] += count
        return find_quantile(buckets, share), sum(buckets.values())

    def lengths(self, name: str, **at: str) -> Made:
        """How many lengths of time there are."""
        found = self.count(name, **at)
        return found, found

    def besides(self, name: str, keys: Collection[str]) -> Made:
        """How many there are whose key begins with none of some."""
        found = self.count_besides(name, keys)
        return found, found

    def undelivered(self, **at: str) -> Made:
        """The share of our messages that did not arrive, of those that were sent or given up; a STOP is neither."""
        lost = self.count("unsent", **at) - self.count("unsent", second=STOPPED, **at)
        return _share(lost, lost + self.count("sent", **at))

    def undelivered_for(self, channel: str, cause: str) -> Made:
        """The share that did not arrive for one cause, of what was sent or given up on a channel."""
        return _share(self.count("unsent", first=channel, second=cause), self.undelivered(first=channel)[1])

    def satisfied(self, **at: str) -> Made:
        """The share of thumbs up of all thumbs."""
        return _share(self.count("rated", second="up", **at), self.count("rated", **at))

    def rated(self, **at: str) -> Made:
        """How many thumbs came for each time that one was asked for: over 1 where older questions are answered."""
        return _share(self.count("rated", **at), self.count("rating_asked", **at))


def _share(part: int, whole: int) -> Made:
    return (part / whole if whole else None), whole


def _fits(key: tuple[str, ...], at: Mapping[str, str]) -> bool:
    return all(place < len(key) and key[place] == at[name] for place, name in enumerate(_PARTS) if name in at)
