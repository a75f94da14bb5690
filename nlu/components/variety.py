"""Tell French, Darija (Latin and Arabic script), Standard Arabic and English apart, message by message.

The script decides between the two halves; inside a half a linear model over character n-grams and words, trained on
the same examples as the intents, decides between fr / ary-Latn / en or ary-Arab / ar.  One number, what is added to the
score of Latin-script Darija, is fitted on nlu/tuning.
"""

from __future__ import annotations

import logging
import re
from typing import Any, Dict, List, Sequence, Text, Tuple

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

from nlu.components.normaliser import normalise
from nlu.components.script import DARIJA, VARIETY_WORDS, script_of
from nlu.components.store import read_pickle, write_pickle
from nlu.components.tuning import TuningMessage, list_tuning_messages

logger = logging.getLogger(__name__)

LATIN = ("fr", "ary-Latn", "en")
ARABIC = ("ary-Arab", "ar")
#: Latin-script Darija that is full of French words is taken for French rather than the other way round: what is added
#: to its score is the first of these under which the worst recognised variety of the script is recognised best.
OFFSETS = tuple(step / 10 for step in range(16))
#: Our own names, in normal form: they are the same in every variety, and Darija's writers just use them more often.
_NAMES = re.compile(
    r"\b(?:ماروك نوم[اي]ري?ك كل[او]?ستر|maroc numeri(?:c|que) cluster|جوب ?[يا]?ن ?تيك|job ?in ?tech)\b"
)


def _normalise(text: str) -> str:
    return _NAMES.sub("", normalise(text))


def _view(**options: Any) -> TfidfVectorizer:
    return TfidfVectorizer(preprocessor=_normalise, sublinear_tf=True, dtype=np.float32, **options)


class VarietyModel:
    """The two linear models, one per script."""

    def __init__(self) -> None:
        self._models: Dict[str, Pipeline] = {}

    def fit(
        self, texts: Sequence[str], varieties: Sequence[str], tuning: Sequence[TuningMessage] = ()
    ) -> "VarietyModel":
        """Train on messages and their varieties; messages whose script does not fit their variety are left out."""
        for script, names in (("Latn", LATIN), ("Arab", ARABIC)):
            chosen = [(t, v) for t, v in zip(texts, varieties) if v in names and script_of(t) == script]
            features = FeatureUnion([
                ("characters", _view(analyzer="char_wb", ngram_range=(1, 4))),
                ("words", _view(analyzer="word", token_pattern=r"\S+")),
            ])  # fmt: skip
            line = LogisticRegression(C=1.0, class_weight="balanced", max_iter=500, random_state=0)
            model = Pipeline([("features", features), ("line", line)])
            model.fit([text for text, _ in chosen], [variety for _, variety in chosen])
            known = [m for m in tuning if m.variety in names and script_of(m.text) == script]
            if known and script == "Latn":
                _balance(model, known)
            self._models[script] = model
        return self

    def predict(self, text: str) -> Tuple[str, float]:
        """The variety and its probability; a message without letters is ("fr", 0.0): nothing can be said of it."""
        script = script_of(text)
        if script == "none":
            return "fr", 0.0
        model = self._models[script]
        probabilities = model.predict_proba([text])[0]
        best = int(probabilities.argmax())
        return str(model.classes_[best]), float(probabilities[best])


def _balance(model: Pipeline, messages: Sequence[TuningMessage]) -> None:
    """Add the best of `OFFSETS` to the score of Darija, judged by messages of three words and more."""
    line = model[-1]
    long_enough = [message for message in messages if len(message.text.split()) >= VARIETY_WORDS]
    written = np.array([message.variety for message in long_enough])
    features = model[:-1].transform([message.text for message in long_enough])
    (darija,) = (number for number, name in enumerate(line.classes_) if name in DARIJA)
    plain = line.intercept_.copy()

    def worst(offset: float) -> float:
        line.intercept_ = plain.copy()
        line.intercept_[darija] += offset
        hits = line.predict(features) == written
        return min(hits[written == name].mean() for name in set(written))

    best = max(OFFSETS, key=worst)
    logger.info("Darija's score is raised by %s: at least %.3f of each variety recognised", best, worst(best))


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class VarietyIdentifier(GraphComponent, IntentClassifier):
    """Adds ``variety: {name, confidence}`` to the parse. It is trained from the examples' file names."""

    def __init__(self, model_storage: ModelStorage, resource: Resource, model: VarietyModel) -> None:
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
    ) -> "VarietyIdentifier":
        """Make an untrained component."""
        return cls(model_storage, resource, VarietyModel())

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from every example whose variety is known (`nlu.components.examples`)."""
        from nlu.components.examples import list_examples

        examples = list_examples()
        texts, varieties = [example.text for example in examples], [example.variety for example in examples]
        self._model.fit(texts, varieties, list_tuning_messages())
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
    ) -> "VarietyIdentifier":
        """Take the trained model out of Rasa's model file."""
        return cls(model_storage, resource, read_pickle(model_storage, resource, VarietyModel))

    def process(self, messages: List[Message]) -> List[Message]:
        """Set the variety of each message."""
        for message in messages:
            name, confidence = self._model.predict(message.get(TEXT) or "")
            message.set("variety", {"name": name, "confidence": round(confidence, 4)}, add_to_output=True)
        return messages
