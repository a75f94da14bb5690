"""Which variety a message is written in."""

from __future__ import annotations

import pytest

from nlu.components.tuning import TuningMessage
from nlu.components.variety import OFFSETS, VarietyModel

MESSAGES = {
    "fr": ["je veux m'inscrire à la formation", "c'est gratuit pour les étudiants ?", "où se trouve votre centre"],
    "ary-Latn": ["bghit ntsejjel f la formation", "wach fabor l tlaba ?", "fin kayn centre dyalkom"],
    "en": ["I want to register for the training", "is it free for students?", "where is your centre located"],
    "ary-Arab": ["بغيت نتسجل فالتكوين", "واش فابور للطلبة؟", "فين كاين السونتر ديالكم"],
    "ar": ["أريد التسجيل في التكوين", "هل هو مجاني للطلبة؟", "أين يوجد مركزكم من فضلكم"],
}
TEXTS = [text for texts in MESSAGES.values() for text in texts]
VARIETIES = [variety for variety, texts in MESSAGES.items() for _ in texts]


@pytest.mark.parametrize(
    ("text", "variety"),
    [
        ("je veux une formation gratuite", "fr"),
        ("wach kayn centre f casa", "ary-Latn"),
        ("is the training free", "en"),
        ("واش كاين السونتر فكازا", "ary-Arab"),
        ("هل يوجد مركز في الرباط", "ar"),
    ],
)
def test_varieties(text: str, variety: str) -> None:
    """Each is told from the others of its script, with a probability."""
    found, probability = VarietyModel().fit(TEXTS, VARIETIES).predict(text)
    assert found == variety
    assert 1 / 3 < probability <= 1


@pytest.mark.parametrize("name", ["ماروك نوميريك كلاستر", "جوب إن تيك", "جوبينتيك"])
def test_our_names_say_nothing(name: str) -> None:
    """A name that only Darija's writers have used so far does not make a question Darija."""
    texts = [*TEXTS, *(f"{name} {text}" for text in MESSAGES["ary-Arab"])]
    model = VarietyModel().fit(texts, [*VARIETIES, *(["ary-Arab"] * 3)])
    assert model.predict(f"{name} هل هو مجاني")[0] == "ar"
    assert model.predict(f"{name} هل هو مجاني") == model.predict("هل هو مجاني")


@pytest.mark.parametrize("text", ["", "24", "👍", "?!"])
def test_what_has_no_letters_says_nothing(text: str) -> None:
    """Of a number or an emoji the probability is nought."""
    assert VarietyModel().fit(TEXTS, VARIETIES).predict(text) == ("fr", 0.0)


def test_darija_is_raised_as_far_as_it_helps() -> None:
    """Tuning messages that are taken for French raise Darija's score; those that are right leave it alone."""
    text = "les documents pour la formation 3afak"
    plain = VarietyModel().fit(TEXTS, VARIETIES)
    assert plain.predict(text)[0] == "fr"
    right = [TuningMessage(("greet",), variety, message) for message, variety in zip(TEXTS, VARIETIES, strict=True)]
    assert VarietyModel().fit(TEXTS, VARIETIES, right).predict(text) == plain.predict(text)
    raised = VarietyModel().fit(TEXTS, VARIETIES, [*right, TuningMessage(("greet",), "ary-Latn", text)])
    assert raised.predict(text)[0] == "ary-Latn"
    assert OFFSETS[0] == 0
