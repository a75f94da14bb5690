"""Keep only the entities that a message can be about: "data" is a track in a question on training, a topic of an event.

Names are found wherever they stand (`nlu.components.gazetteer`); what a name is, the question decides.  Where the model
hesitates between questions, those that use a kind decide together.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, Mapping, Text

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES
from rasa.shared.nlu.training_data.message import Message

_TRAINING = frozenset({
    "jobintech_about", "jobintech_organisers", "jobintech_results", "jobintech_eligibility", "jobintech_prerequisites",
    "jobintech_cost", "jobintech_allowance", "jobintech_duration", "jobintech_format", "jobintech_tracks",
    "jobintech_locations", "jobintech_how_to_apply", "jobintech_documents", "jobintech_dates", "jobintech_selection",
    "jobintech_certificate", "jobintech_placement", "application_start", "application_status", "employer_partnership",
    "training_operator",
})  # fmt: skip
_FOUNDING = frozenset({
    "startup_support", "incubator_search", "incubator_details", "incubator_apply", "incubation_explained",
    "funding_options", "founder_training", "sme_digitalisation", "mnc_membership", "employer_partnership",
})  # fmt: skip
_EVENTS = frozenset({
    "event_search", "event_details", "event_register", "event_cancel", "my_registrations", "event_propose",
    "publications_search", "programme_contract",
})  # fmt: skip
#: Intents in which a kind means something; a kind that is not here means the same everywhere.
SCOPES: Dict[str, FrozenSet[str]] = {
    "track": _TRAINING | {"inform", "subscribe_updates"},
    "sector": _FOUNDING | {"inform"},
    "stage": _FOUNDING | {"inform"},
    "topic": _EVENTS | {"inform", "subscribe_updates", "unsubscribe"},
}


#: A kind is kept if the intents that use it are at least so likely together.
LIKELY = 0.5


def is_in_scope(kind: str, intents: Mapping[str, float]) -> bool:
    """Whether an entity of this kind says something in a message.

    Args:
        kind: of the entity.
        intents: the likeliest intents of the message with their probabilities.
    """
    if kind not in SCOPES:
        return True
    return sum(probability for intent, probability in intents.items() if intent in SCOPES[kind]) >= LIKELY


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class EntityScope(GraphComponent, EntityExtractorMixin):
    """Rasa's side of `is_in_scope`; it stands behind the intent classifier."""

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "EntityScope":
        """Make the component; it has no state."""
        return cls()

    def process(self, messages: List[Message]) -> List[Message]:
        """Take the entities off that the likely intents of their message do not use.

        They are kept beside the others: to a question of ours they may be the answer all the same.
        """
        for message in messages:
            intents = {each["name"]: each["confidence"] for each in message.get("intent_ranking", [])}
            found = message.get(ENTITIES, [])
            kept = [entity for entity in found if is_in_scope(entity["entity"], intents)]
            message.set(ENTITIES, kept, add_to_output=True)
            beyond = [entity for entity in found if entity not in kept]
            message.set("entities_beyond_scope", beyond, add_to_output=True)
        return messages
