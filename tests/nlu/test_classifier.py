"""The intent model and its halves, on a few messages and with the encoder that the project ships."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from nlu.components import classifier, encoder, vectors
from nlu.components.classifier import IntentModel
from nlu.components.encoder import DIMENSIONS, encode
from nlu.components.lexical import LexicalModel
from nlu.components.tuning import TuningMessage, list_tuning_messages

MESSAGES = {
    "cost": ["c'est gratuit ?", "combien ça coûte", "le prix de la formation", "ch7al taman", "is it free of charge"],
    "dates": [
        "quand commence la session",
        "la date du début",
        "fo9ach katbda",
        "when does it start",
        "متى تبدأ الدورة",
    ],
    "out_of_scope": ["recette du couscous", "qui a gagné le match", "météo demain", "chanson de Saad", "fix my phone"],
}
TEXTS = [text for texts in MESSAGES.values() for text in texts]
INTENTS = [intent for intent, texts in MESSAGES.items() for _ in texts]


@pytest.fixture(autouse=True)
def _vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vectors of these messages do not take the place of the project's own."""
    monkeypatch.setattr(vectors, "VECTORS_FOLDER", tmp_path)


class TestEncoder:
    def test_vectors_are_units(self) -> None:
        """One row a text, in order, whatever their lengths; alone or among others it is the same."""
        texts = ["ok", "c'est gratuit ? " * 30, "واش فابور", "", "🙏🙏🙏", "a" * 3_000]
        found = encode(texts)
        assert found is not None and found.shape == (6, DIMENSIONS) and found.dtype == np.float32
        assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)
        for text, vector in zip(texts, found, strict=True):
            assert np.array_equal(encode([text])[0], vector)

    def test_one_meaning_in_two_languages(self) -> None:
        """A question is nearer to its translation than to another question of the same language."""
        mine, translated, other = encode(["c'est payant ou gratuit ?", "واش التكوين فابور", "où sont vos centres ?"])
        assert mine @ translated > mine @ other

    def test_without_its_files_it_says_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No file, no vectors, and a warning that names what is missing."""
        monkeypatch.setattr(encoder, "ENCODER_FOLDER", tmp_path)
        encoder._load.cache_clear()
        with caplog.at_level(logging.WARNING):
            assert encode(["bonjour"]) is None
        assert "network.onnx" in caplog.text
        encoder._load.cache_clear()


class TestIntentModel:
    def test_it_learns(self) -> None:
        """What it was shown it knows, with probabilities that sum to one and come in order."""
        model = IntentModel().fit(TEXTS, INTENTS)
        for text, intent in zip(TEXTS, INTENTS, strict=True):
            ranking = model.rank(text)
            assert ranking[0][0] == intent
            assert abs(sum(probability for _, probability in ranking) - 1) < 1e-6
            assert [p for _, p in ranking] == sorted((p for _, p in ranking), reverse=True)

    def test_letters_alone_are_enough_to_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without the encoder it trains and ranks, and says that it needs none."""
        monkeypatch.setattr(classifier, "encode_training", lambda texts: None)
        model = IntentModel().fit(TEXTS, INTENTS)
        assert not model.needs_encoder
        assert model.rank("combien ça coûte ?")[0][0] == "cost"

    def test_two_intents_are_enough(self) -> None:
        """Of two classes scikit-learn gives one column of scores."""
        model = IntentModel().fit(TEXTS[:10], INTENTS[:10])
        assert model.rank("quand commence la session ?")[0][0] == "dates"

    def test_one_intent_is_not(self) -> None:
        """The error says what was found."""
        with pytest.raises(ValueError, match=r"two intents or more, found .*cost"):
            IntentModel().fit(TEXTS[:5], INTENTS[:5])

    def test_the_mix_follows_the_tuning_messages(self) -> None:
        """Tuning messages that are out of scope make refusing likelier; unknown intents change nothing."""
        text = "bonsoir tout le monde ici"
        before = dict(IntentModel().fit(TEXTS, INTENTS, [TuningMessage(("unheard",), "fr", "x y z")]).rank(text))
        refusing = [
            TuningMessage(("out_of_scope",), "fr", each) for each in ("tu fais quoi ce soir", "le train de huit heures")
        ]
        after = dict(IntentModel().fit(TEXTS, INTENTS, refusing).rank(text))
        assert before == dict(IntentModel().fit(TEXTS, INTENTS).rank(text))
        assert after["out_of_scope"] > before["out_of_scope"]

    def test_darija_is_read_in_both_scripts(self) -> None:
        """What is known to be Darija is scored by its other spelling too; other varieties are not."""
        model = IntentModel().fit(TEXTS, INTENTS)
        written, darija = (
            model.rank("ch7al taman dyal had lformation", "fr"),
            model.rank("ch7al taman dyal had lformation", "ary-Latn"),
        )
        assert written[0][0] == darija[0][0] == "cost"
        assert written != darija
        assert written == model.rank("ch7al taman dyal had lformation")

    @pytest.mark.parametrize("text", ["", " ", "🙏", "?" * 500, "ا" * 1_000, "\u200f\u0000", "a b " * 250])
    def test_nothing_breaks_it(self, text: str) -> None:
        """Empty, huge and strange messages get a ranking like any other."""
        ranking = IntentModel().fit(TEXTS, INTENTS).rank(text)
        assert len(ranking) == 3 and all(0 <= probability <= 1 for _, probability in ranking)


def test_the_ridge_is_solved() -> None:
    """The conjugate gradient comes to the scores of the closed form."""
    labels = np.array([sorted(MESSAGES).index(intent) for intent in INTENTS])
    model = LexicalModel().fit(TEXTS, labels, 3)
    features = model._join([view.transform(TEXTS) for view in model._views]).toarray().astype(float)
    kernel = features @ features.T
    exact = kernel @ np.linalg.solve(kernel + 0.3 * np.eye(len(TEXTS)), np.eye(3)[labels])
    assert np.allclose(model.score(TEXTS), exact, atol=1e-3)


def test_tuning_messages_are_read(tmp_path: Path) -> None:
    """Every shipped line has its variety; a malformed one is told with its place."""
    assert {message.variety for message in list_tuning_messages()} == {"fr", "ary-Latn", "ary-Arab", "ar", "en"}
    (tmp_path / "fr.tsv").write_text("greet|thank\tbonjour merci\n\nbonjour\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"fr\.tsv:3: expected intent"):
        list_tuning_messages.__wrapped__(tmp_path)
