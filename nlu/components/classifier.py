"""The intent classifier: what a message's letters and its meaning say, weighed against each other and calibrated.

Letters are judged by ridge regression (`nlu.components.lexical`), meaning by logistic regression over sentence vectors
(`nlu.components.encoder`).  Darija is read twice, as it is written and in the other script: what one spelling hides the
other may show.  A few numbers make probabilities of all this: the weight of each, and what is added for "out of scope",
for Darija and for the other varieties apart.  They are fitted on nlu/tuning, messages that nothing else has seen: the
encoder has learnt the training messages by heart, so that on those its scores look better than they are.
"""

from __future__ import annotations

import logging
from typing import Any, Dict, List, Optional, Sequence, Text, Tuple

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp, softmax
from sklearn.linear_model import LogisticRegression

from nlu.components.encoder import encode
from nlu.components.greetings import without_greeting
from nlu.components.lexical import LexicalModel
from nlu.components.script import DARIJA
from nlu.components.store import read_pickle, write_pickle
from nlu.components.transliteration import to_other_script
from nlu.components.tuning import TuningMessage, list_tuning_messages
from nlu.components.vectors import encode_training

logger = logging.getLogger(__name__)

RANKING_LENGTH = 5
OUT_OF_SCOPE = "out_of_scope"
#: Inverse strength of the logistic regression's penalty, the best on nlu/tuning of 0.3, 0.7, 1.3, 2 and 10.
SEMANTIC_C = 2.0
#: Steps of its solver: from 60 on the right intents of nlu/tuning are as many and as likely.
SEMANTIC_STEPS = 60
#: Weights of letters, meaning, meaning in the other script and "out of scope" before they are fitted.
FIRST_MIX = (8.0, 1.0, 0.5, 0.0)


class IntentModel:
    """Texts to ranked intents."""

    def __init__(self) -> None:
        self._lexical = LexicalModel()
        self._semantic: Optional[LogisticRegression] = None
        self._mixes = {is_darija: np.array(FIRST_MIX) for is_darija in (False, True)}
        self.intents: List[str] = []

    def fit(self, texts: Sequence[str], intents: Sequence[str], tuning: Sequence[TuningMessage] = ()) -> "IntentModel":
        """Train on messages and their intents; messages of `tuning` whose intents are all unknown are left out.

        Raises:
            ValueError: there are fewer than two intents.
        """
        self.intents = sorted(set(intents))
        if len(self.intents) < 2:
            raise ValueError(f"an intent model needs two intents or more, found {self.intents}")
        labels = np.array([self.intents.index(intent) for intent in intents])
        self._lexical.fit(texts, labels, len(self.intents))
        vectors = encode_training(texts)
        if vectors is not None:
            self._semantic = LogisticRegression(C=SEMANTIC_C, max_iter=SEMANTIC_STEPS).fit(vectors, labels)
        known = [message for message in tuning if set(message.intents) & set(self.intents)]
        for is_darija in self._mixes:
            messages = [message for message in known if (message.variety in DARIJA) is is_darija]
            if messages:
                self._mixes[is_darija] = self._fit_mix(messages, self._mixes[is_darija])
        return self

    def _fit_mix(self, messages: Sequence[TuningMessage], first: np.ndarray) -> np.ndarray:
        """The mix under which the right intents of the messages are likeliest."""
        parts = self._score(
            [without_greeting(message.text) for message in messages], [message.variety for message in messages]
        )
        right = np.array([[intent in message.intents for intent in self.intents] for message in messages])

        def loss(mix: np.ndarray) -> float:
            likelihoods = log_softmax(np.tensordot(mix, parts, axes=1), axis=1)
            return float(-logsumexp(likelihoods, axis=1, b=right).mean())

        mix = np.asarray(minimize(loss, first, method="L-BFGS-B").x)
        best = np.tensordot(mix, parts, axes=1).argmax(axis=1)
        accuracy = np.take_along_axis(right, best[:, None], axis=1).mean()
        logger.info("weights %s: %.3f of the tuning messages right, loss %.3f", mix, accuracy, loss(mix))
        return mix

    @property
    def needs_encoder(self) -> bool:
        """Whether it was fitted to sentence vectors too; without them it is not the same model."""
        return self._semantic is not None

    def rank(self, text: str, variety: str = "") -> List[Tuple[str, float]]:
        """Every intent with its probability, the likeliest first; a greeting in front of a question is left aside.

        Args:
            text: a message.
            variety: what it is written in, as far as is known.
        """
        parts = self._score([without_greeting(text)], [variety])
        probabilities = softmax(np.tensordot(self._mixes[variety in DARIJA], parts, axes=1)[0])
        return [(self.intents[i], float(probabilities[i])) for i in np.argsort(-probabilities)]

    def _score(self, texts: Sequence[str], varieties: Sequence[str]) -> np.ndarray:
        """What letters, meaning in both scripts and the wish to refuse say, of shape (4, texts, intents)."""
        parts = np.zeros((len(FIRST_MIX), len(texts), len(self.intents)))
        parts[0] = self._lexical.score(texts)
        if self._semantic is not None:
            parts[1] = self._score_meaning(texts)
            darija = [number for number, variety in enumerate(varieties) if variety in DARIJA]
            if darija:
                parts[2, darija] = self._score_meaning([to_other_script(texts[number]) for number in darija])
        if OUT_OF_SCOPE in self.intents:
            parts[3, :, self.intents.index(OUT_OF_SCOPE)] = 1.0
        return parts

    def _score_meaning(self, texts: Sequence[str]) -> np.ndarray:
        scores = self._semantic.decision_function(encode(texts))
        # Of two classes scikit-learn gives one column, the score of the second.
        return scores if scores.ndim == 2 else np.stack([-scores, scores], axis=1) / 2


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class StackedIntentClassifier(GraphComponent, IntentClassifier):
    """Rasa's side of `IntentModel`."""

    def __init__(self, model_storage: ModelStorage, resource: Resource, model: IntentModel) -> None:
        self._storage = model_storage
        self._resource = resource
        self._model = model

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "StackedIntentClassifier":
        """Make an untrained component."""
        return cls(model_storage, resource, IntentModel())

    def train(self, training_data: TrainingData) -> Resource:
        """Fit on the training data's intent examples."""
        examples = [example for example in training_data.intent_examples if example.get(TEXT)]
        self._model.fit(
            [example.get(TEXT) for example in examples],
            [example.get(INTENT) for example in examples],
            list_tuning_messages(),
        )
        write_pickle(self._storage, self._resource, self._model)
        return self._resource

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> "StackedIntentClassifier":
        """Take the trained model out of Rasa's model file.

        Raises:
            RuntimeError: it was trained with sentence vectors and the encoder is not there now.
        """
        model = read_pickle(model_storage, resource, IntentModel)
        if model.needs_encoder and encode([""]) is None:
            raise RuntimeError("this model was trained with the sentence encoder, which is missing here: train again")
        return cls(model_storage, resource, model)

    def process(self, messages: List[Message]) -> List[Message]:
        """Set intent and ranking of each message."""
        for message in messages:
            variety = (message.get("variety") or {}).get("name") or ""
            ranking = [
                {"name": name, "confidence": confidence}
                for name, confidence in self._model.rank(message.get(TEXT) or "", variety)[:RANKING_LENGTH]
            ]
            message.set("intent", ranking[0], add_to_output=True)
            message.set("intent_ranking", ranking, add_to_output=True)
        return messages
