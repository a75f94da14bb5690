"""Check the messages that Rasa learns from and those that it is measured on: ``python -m nlu.lint``, in `make check`.

A defect is told with its file and line: a message that cannot be read or is marked wrongly, one that is written twice
or nearly so, one text under two intents, a message in another script than its file's, an intent with too few messages
or far more than the others.  A message of the evaluation or tuning set that is nearly a training message would flatter
the figures, so the sets are compared too.
"""

from __future__ import annotations

import re
import statistics
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, Sequence, Set, Tuple

import numpy as np
import yaml
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer

from nlu.components.examples import EXAMPLES_FOLDER
from nlu.components.normaliser import normalise
from nlu.components.script import script_of
from nlu.components.tuning import TUNING_FOLDER

ROOT = Path(__file__).resolve().parent.parent
HELDOUT_FOLDER = ROOT / "tests" / "nlu" / "heldout"
#: Only a button carries it.
BUTTON_ONLY = frozenset(
    {
        "request_erasure",
        "withdraw_application",
        "confirm_withdrawal",
        "erase_my_data",
        "link_channel",
        "export_my_data",
        "send_link_code",
        "confirm_link",
        "confirm_place",
        "find_programme",
        "other_city",
        "compare_programmes",
        "rate_up",
        "rate_down",
        "show_checklist",
        "remind_checklist",
        "check_eligibility",
        "resume_journey",
        "correct_answer",
        "correct_application",
        "request_support",
        "request_membership",
        "request_employer",
        "request_operator",
        "request_event_proposal",
    }
)
SCRIPTS = {"fr": "Latn", "ary-Latn": "Latn", "en": "Latn", "ary-Arab": "Arab", "ar": "Arab"}
#: Two messages that share this much of their three-letter pieces (Jaccard index) say the same in the same words.
NEAR = 0.8
#: What people say in the same words everywhere ("bonjour", "menu", "prix ?") may be in both sets: up to so many words.
FORMULA_WORDS = 2
#: Messages that an intent needs in each variety.
FEWEST = 60
#: An intent with more than so many times the median of its variety's intents outweighs them …
MOST = 3.0
#: … but for what can be anything at all.
WIDE = frozenset({"inform", "out_of_scope"})
#: Share of a file's messages that may be in another script: bare names, e-mails, code-switching.
OTHER_SCRIPT = 0.02
_MARK = re.compile(r"\[([^\[\]]*)\]\(([^()]*)\)")


@dataclass(frozen=True)
class Entry:
    """One message of one set: where it stands, what it is labelled with, and its text without entity marks."""

    place: str
    variety: str
    intents: Tuple[str, ...]
    text: str
    kinds: Tuple[str, ...] = ()
    normal: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "normal", normalise(self.text))

    @property
    def is_formula(self) -> bool:
        """Whether it is so short that strangers write it in the same words; numbers do not count as words."""
        return sum(any(letter.isalpha() for letter in word) for word in self.normal.split()) <= FORMULA_WORDS


def read_examples(folder: Path = EXAMPLES_FOLDER) -> List[Entry]:
    """The training messages of every ``<topic>.<variety>.yml``, with the line that each stands on."""
    entries = []
    for path in sorted(folder.glob("*.yml")):
        intent = ""
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line.startswith("- intent: "):
                intent = line[len("- intent: ") :].strip()
            elif line.startswith("    - "):
                written = line[len("    - ") :].strip()
                entries.append(_entry(f"{path.name}:{number}", path.name.split(".")[1], (intent,), written))
    return entries


def read_evaluation(folder: Path = HELDOUT_FOLDER) -> List[Entry]:
    """The messages of every ``<variety>.tsv``: ``intent[|second acceptable]<TAB>text``.

    Raises:
        ValueError: a line has no tab, no intent or no text.
    """
    entries = []
    for path in sorted(folder.glob("*.tsv")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            intents, tab, text = line.partition("\t")
            if not tab or not intents.strip() or not text.strip():
                raise ValueError(f"{path.name}:{number}: expected intent<TAB>text, found {line!r}")
            place = f"{folder.name}/{path.name}:{number}"
            entries.append(_entry(place, path.name.split(".")[0], tuple(intents.split("|")), text))
    return entries


def _entry(place: str, variety: str, intents: Tuple[str, ...], written: str) -> Entry:
    kinds = tuple(match.group(2) for match in _MARK.finditer(written))
    return Entry(place, variety, intents, _MARK.sub(r"\1", written).strip(), kinds)


def find_near_pairs(entries: Sequence[Entry], others: Sequence[Entry]) -> Iterator[Tuple[Entry, Entry, float]]:
    """Pairs of messages of one variety with a Jaccard index of at least `NEAR`; each pair once.

    With `others` the same as `entries`, pairs inside the set; else, pairs across the two sets.
    """
    inside = entries is others
    for variety in SCRIPTS:
        mine = [entry for entry in entries if entry.variety == variety and entry.normal]
        theirs = mine if inside else [entry for entry in others if entry.variety == variety and entry.normal]
        if not mine or not theirs:
            continue
        pieces = CountVectorizer(analyzer="char_wb", ngram_range=(3, 3), binary=True, lowercase=False, dtype=np.float32)
        pieces.fit(entry.normal for entry in chain(mine, theirs))
        left, right = (csr_matrix(pieces.transform(entry.normal for entry in side)) for side in (mine, theirs))
        sizes = np.asarray(right.sum(axis=1)).ravel()
        for start in range(0, len(mine), 500):
            block = left[start : start + 500]
            shared = (block @ right.T).toarray()
            index = shared / (np.asarray(block.sum(axis=1)) + sizes - shared)
            for i, j in zip(*np.nonzero(index >= NEAR)):
                if not inside or start + i < j:
                    yield mine[start + i], theirs[j], float(index[i, j])


def find_defects(
    training: Sequence[Entry],
    evaluation: Sequence[Entry],
    tuning: Sequence[Entry],
    intents: FrozenSet[str],
    kinds: FrozenSet[str],
) -> List[str]:
    """Everything that is wrong with the three sets, a line each; `intents` and `kinds` are what the domain knows."""
    defects: List[str] = []
    for entry in chain(training, evaluation, tuning):
        defects += _find_malformed(entry, intents, kinds)
    for entry in training:
        if not entry.normal:
            defects.append(f"{entry.place}: nothing is left of {entry.text!r} in normal form, so nothing can be learnt")
    for name, entries in (("training", training), ("evaluation", evaluation), ("tuning", tuning)):
        defects += _find_conflicts(entries)
        for first, second, index in find_near_pairs(entries, entries):
            defects.append(f"{second.place}: nearly {first.place} ({index:.2f}): {second.text!r}, {first.text!r}")
        defects += _find_other_scripts(name, entries)
    for name, entries, others in (
        ("evaluation", evaluation, training),
        ("evaluation", evaluation, tuning),
        ("tuning", tuning, training),
    ):
        for first, second, index in find_near_pairs(entries, others):
            if not first.is_formula:
                defects.append(
                    f"{second.place}: nearly the {name} message {first.place} ({index:.2f}): {second.text!r}"
                )
    return defects + list(_find_unbalanced(training, intents))


def _find_unbalanced(training: Sequence[Entry], intents: FrozenSet[str]) -> Iterator[str]:
    counts = Counter((entry.variety, intent) for entry in training for intent in entry.intents)
    for variety in SCRIPTS:
        most = MOST * statistics.median(counts[variety, intent] for intent in intents)
        for intent in sorted(intents):
            count = counts[variety, intent]
            if count < FEWEST:
                yield f"{intent} has {count} messages in {variety}, fewer than {FEWEST}"
            elif count > most and intent not in WIDE:
                yield f"{intent} has {count} messages in {variety}, more than {MOST:g} times their median"


def _find_malformed(entry: Entry, intents: FrozenSet[str], kinds: FrozenSet[str]) -> Iterator[str]:
    if re.search(r"[\[\]{}]", entry.text) or any(f"({kind})" in entry.text for kind in kinds):
        yield f"{entry.place}: a bracket of an entity mark is left over: {entry.text!r}"
    for intent in set(entry.intents) - intents:
        yield f"{entry.place}: the domain has no intent {intent!r}"
    for kind in set(entry.kinds) - kinds:
        yield f"{entry.place}: the domain has no entity {kind!r}"
    if entry.variety not in SCRIPTS:
        yield f"{entry.place}: {entry.variety!r} is not one of {', '.join(SCRIPTS)}"


def _find_conflicts(entries: Sequence[Entry]) -> Iterator[str]:
    seen: Dict[str, Entry] = {}
    for entry in filter(lambda entry: entry.normal, entries):
        first = seen.setdefault(entry.normal, entry)
        if not set(first.intents) & set(entry.intents):
            yield (
                f"{entry.place}: {entry.text!r} is {'|'.join(entry.intents)} here "
                f"and {'|'.join(first.intents)} in {first.place}"
            )


def _find_other_scripts(name: str, entries: Sequence[Entry]) -> Iterator[str]:
    others: Dict[str, List[Entry]] = defaultdict(list)
    totals: Counter[str] = Counter()
    for entry in entries:
        totals[entry.variety] += 1
        if script_of(entry.text) not in (SCRIPTS.get(entry.variety), "none"):
            others[entry.variety].append(entry)
    for variety, found in others.items():
        if len(found) > OTHER_SCRIPT * totals[variety]:
            places = ", ".join(entry.place for entry in found[:5])
            yield f"{name}: {len(found)} of {totals[variety]} messages in {variety} are in another script: {places} …"


def domain_names() -> Tuple[FrozenSet[str], FrozenSet[str]]:
    """The intents that people type, and the entities, of domain.yml."""
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))

    def names(key: str) -> Set[str]:
        return {str(next(iter(item)) if isinstance(item, dict) else item) for item in domain[key]}

    return frozenset(names("intents") - BUTTON_ONLY), frozenset(names("entities"))


def main() -> int:
    """Print every defect; the exit status is 1 if there is one."""
    training, evaluation, tuning = read_examples(), read_evaluation(), read_evaluation(TUNING_FOLDER)
    defects = find_defects(training, evaluation, tuning, *domain_names())
    for defect in defects:
        print(defect)
    counts = f"{len(training)} training, {len(evaluation)} evaluation and {len(tuning)} tuning messages"
    print(f"nlu: {counts}, {len(defects)} defects")
    return 1 if defects else 0


if __name__ == "__main__":
    sys.exit(main())
