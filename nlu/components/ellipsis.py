"""Recognise what only goes on with what was said before: "et à Rabat ?", "w f Fès", "what about health?", "وفالرباط؟".

Such a message is a piece of information and a few small words; which question it belongs to, the conversation knows and
the message does not.  So its intent is ``inform``, whatever a model that sees the message alone makes of it.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, Mapping, Sequence, Text

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import ENTITIES, INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu.components.normaliser import normalise

INFORM = "inform"
#: What a question may be gone on with.
KINDS: FrozenSet[str] = frozenset({"city", "region", "stage", "sector", "track", "date"})
#: Words that begin such a message, in normal form; what has none of them is told apart by the model.
OPENING = "et and w o ou u alors sinon plutot maintenant then what wila ila و وفي وعن وماذا وب وشنو وف ماذا"
#: What else may stand in it.
SMALL = (
    "a au aux en pour dans sur le la les l de du d des cote si c est ca donne quoi svp stp "
    "in at for about the of on is it there please pls or "
    "f fi fe b l d dyal dial 3la kont kayn kayna chno chnou achno 3afak 3fak hta 7ta "
    "في ف ب عن من الي على علي ل مدينه ديال شنو كاين كاينه حتي عافاك فضلك لو كان كنت اذا الا"
)
_OPENING: FrozenSet[str] = frozenset(OPENING.split())
_SMALL: FrozenSet[str] = _OPENING | frozenset(SMALL.split())
#: So many words at most.
LONGEST_WORDS = 7


def is_elliptical(text: str, entities: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a message has an opening word, entities of `KINDS`, and nothing else but small words.

    Args:
        text: a message.
        entities: what was found in it, each with ``entity``, ``start`` and ``end``.
    """
    found = [entity for entity in entities if entity["entity"] in KINDS]
    if not found or len(text.split()) > LONGEST_WORDS:
        return False
    rest = "".join(
        " " if any(entity["start"] <= place < entity["end"] for entity in found) else letter
        for place, letter in enumerate(text)
    )
    words = normalise(rest).split()
    # Arabic glues "and" to the name: "والرباط؟" opens with it.
    glued = any(text[entity["start"] : entity["end"]].startswith("و") for entity in found)
    return (glued or (bool(words) and words[0] in _OPENING)) and all(word in _SMALL for word in words)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class EllipsisIntentClassifier(GraphComponent, IntentClassifier):
    """Rasa's side of `is_elliptical`; it stands behind the gazetteer and the classifier."""

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "EllipsisIntentClassifier":
        """Make the component; it has no state."""
        return cls()

    def process(self, messages: List[Message]) -> List[Message]:
        """Put ``inform`` in front of what the model made of such a message."""
        for message in messages:
            if not is_elliptical(message.get(TEXT) or "", message.get(ENTITIES, [])):
                continue
            ranking = message.get(INTENT_RANKING_KEY, [])
            informs = {"name": INFORM, "confidence": 1.0}
            others = [entry for entry in ranking if entry["name"] != INFORM]
            message.set(INTENT, informs, add_to_output=True)
            message.set(INTENT_RANKING_KEY, [informs, *others[: max(len(ranking) - 1, 0)]], add_to_output=True)
        return messages
