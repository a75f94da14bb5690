"""How a form and the questions that interrupt it take turns."""

from __future__ import annotations

from typing import Optional, Text, Tuple

from rasa.core.policies.rule_policy import LOOP_RULES, RulePolicy
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.trackers import DialogueStateTracker


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT, is_trainable=True)
class JourneyPolicy(RulePolicy):
    """Rules, with one more: once a question that interrupted a form is answered, the form asks its own again.

    Rasa's own policy needs a rule for each of the questions and forms to say so.
    """

    @staticmethod
    def _find_action_from_loop_happy_path(
        tracker: DialogueStateTracker,
    ) -> Tuple[Optional[Text], Optional[Text]]:
        """The form, after another action than itself ran since it declined the message."""
        form = tracker.active_loop_name
        has_declined = form is not None and tracker.is_active_loop_rejected
        if has_declined and tracker.latest_action_name not in (ACTION_LISTEN_NAME, form):
            return form, LOOP_RULES + str(form)
        return RulePolicy._find_action_from_loop_happy_path(tracker)
