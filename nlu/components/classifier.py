"""The intent classifier: kernel ridge regression over two views of a message, its letters and its meaning.

The lexical view is the mean of two TF-IDF cosines over character n-grams, of the normal form and of the consonant
skeleton, so that "ch7al", "chhal" and "شحال" are neighbours.  The semantic view is the cosine of sentence vectors
(`nlu.components.encoder`).  Each cosine c becomes the kernel exp(g (c - 1)), and their weighted sum is regressed on the
intents with a ridge.  The leave-one-out scores of the training messages come in closed form (Rifkin and Lippert,
"Notes on regularized least squares", 2007) and fit the temperature that makes probabilities out of scores.
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
from scipy.special import log_softmax, softmax
from sklearn.feature_extraction.text import TfidfVectorizer

from nlu.components.encoder import encode
from nlu.components.greetings import without_greeting
from nlu.components.normaliser import normalise, skeleton
from nlu.components.store import read_pickle, write_pickle

logger = logging.getLogger(__name__)

RANKING_LENGTH = 5
#: Sharpness g of each view's kernel, and the weight of the semantic one; chosen by cross-validation on nlu/examples.
LEXICAL_SHARPNESS = 1.0
SEMANTIC_SHARPNESS = 10.0
SEMANTIC_WEIGHT = 0.5
RIDGE = 0.1
#: Inverse temperatures that are tried.
SHARPENINGS = np.geomspace(1.0, 60.0, 60)


def _skeleton_of(text: str) -> str:
    return skeleton(normalise(text))


class IntentModel:
    """Texts to ranked intents."""

    def __init__(self) -> None:
        def view(preprocessor: Any, ngrams: Tuple[int, int]) -> TfidfVectorizer:
            return TfidfVectorizer(
                preprocessor=preprocessor, analyzer="char_wb", ngram_range=ngrams, sublinear_tf=True, dtype=np.float32
            )

        self._views = (view(normalise, (2, 5)), view(_skeleton_of, (2, 4)))
        self._features: List[Any] = []
        self._vectors: Optional[np.ndarray] = None
        self._weights = np.zeros((0, 0), dtype=np.float32)
        self._sharpening = 1.0
        self.intents: List[str] = []
        self.loo_accuracy = 0.0

    def fit(self, texts: Sequence[str], intents: Sequence[str]) -> "IntentModel":
        """Train on messages and their intents; cubic in their number (6,000 take seconds)."""
        self.intents = sorted(set(intents))
        labels = np.array([self.intents.index(intent) for intent in intents])
        targets = np.eye(len(self.intents), dtype=np.float32)[labels]
        self._features = [view.fit_transform(texts) for view in self._views]
        self._vectors = encode(texts)
        kernel = self._kernel(self._features, self._vectors)
        kernel[np.diag_indices_from(kernel)] += RIDGE
        inverse = np.linalg.inv(kernel)
        self._weights = inverse @ targets
        # A message's score with itself left out, without training again for each.
        left_out = targets - self._weights / np.diag(inverse)[:, None]
        self.loo_accuracy = float((left_out.argmax(axis=1) == labels).mean())
        losses = [-log_softmax(left_out * s, axis=1)[np.arange(len(labels)), labels].mean() for s in SHARPENINGS]
        self._sharpening = float(SHARPENINGS[int(np.argmin(losses))])
        logger.info("leave-one-out accuracy %.3f, inverse temperature %.1f", self.loo_accuracy, self._sharpening)
        return self

    @property
    def needs_encoder(self) -> bool:
        """Whether its weights were fitted to sentence vectors too; without them they mean nothing."""
        return self._vectors is not None

    def rank(self, text: str) -> List[Tuple[str, float]]:
        """Every intent with its probability, the likeliest first; a greeting in front of a question is left aside."""
        text = without_greeting(text)
        vectors = encode([text]) if self._vectors is not None else None
        kernel = self._kernel([view.transform([text]) for view in self._views], vectors)
        probabilities = softmax((kernel @ self._weights)[0] * self._sharpening)
        return [(self.intents[i], float(probabilities[i])) for i in np.argsort(-probabilities)]

    def _kernel(self, features: Sequence[Any], vectors: Optional[np.ndarray]) -> np.ndarray:
        """The kernel between messages and the training messages, of shape (messages, training messages)."""
        cosines = sum((mine @ theirs.T).toarray() for mine, theirs in zip(features, self._features)) / len(self._views)
        lexical = np.exp(LEXICAL_SHARPNESS * (cosines - 1))
        if vectors is None or self._vectors is None:
            return lexical
        semantic = np.exp(SEMANTIC_SHARPNESS * (vectors @ self._vectors.T - 1))
        return (1 - SEMANTIC_WEIGHT) * lexical + SEMANTIC_WEIGHT * semantic


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class KernelIntentClassifier(GraphComponent, IntentClassifier):
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
    ) -> "KernelIntentClassifier":
        """Make an untrained component."""
        return cls(model_storage, resource, IntentModel())

    def train(self, training_data: TrainingData) -> Resource:
        """Fit on the training data's intent examples."""
        examples = [example for example in training_data.intent_examples if example.get(TEXT)]
        self._model.fit([example.get(TEXT) for example in examples], [example.get(INTENT) for example in examples])
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
    ) -> "KernelIntentClassifier":
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
            ranking = [
                {"name": name, "confidence": confidence}
                for name, confidence in self._model.rank(message.get(TEXT) or "")[:RANKING_LENGTH]
            ]
            message.set("intent", ranking[0], add_to_output=True)
            message.set("intent_ranking", ranking, add_to_output=True)
        return messages
