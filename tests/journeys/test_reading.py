"""How an answer is read out of a message: what is kept, and what is said to be wrong."""

from __future__ import annotations

import pytest

from bot.journeys import reading
from bot.journeys.conductor import is_left
from bot.journeys.journey import FIELDS
from bot.journeys.reading import Heard, Problem


def hear(text: str, intent: str = "inform", confidence: float = 0.99, **entities: str) -> Heard:
    found = [{"entity": kind, "value": value} for kind, value in entities.items()]
    return Heard.make(text, intent, confidence, found, is_button=text.startswith("/"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Fatima@Exemple.ma", "fatima@exemple.ma"),
        ("mon mail c'est a.b+c@mail.exemple.ma merci", "a.b+c@mail.exemple.ma"),
        ("<sara@exemple.ma>", "sara@exemple.ma"),
    ],
)
def test_an_email_is_kept_as_it_is_used(text: str, kept: str) -> None:
    """Whatever stands around it; the host never depends on case, and neither does ours."""
    assert reading.read_email(hear(text)) == kept


@pytest.mark.parametrize("text", ["fatima@@gmail.com", "fatima@", "@gmail.com", "fatima gmail.com", "a@b", "x@y z.ma"])
def test_an_impossible_email_is_named(text: str) -> None:
    """The problem has what was said, so that the person sees their slip."""
    problem = reading.read_email(hear(text))
    assert isinstance(problem, Problem)
    assert (problem.code, bool(problem.data.get("said"))) == ("email", True)


def test_a_slip_in_the_name_of_a_mail_service_is_told_and_not_corrected() -> None:
    """Only the person knows whether they meant it."""
    problem = reading.read_email(hear("fatima@gmial.com"))
    assert problem == Problem("email_slip", {"said": "fatima@gmial.com", "meant": "fatima@gmail.com"})


def test_a_text_without_an_email_is_no_answer() -> None:
    assert reading.read_email(hear("je ne sais pas")) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("0612345678", "+212612345678"),
        ("06 12 34 56 78", "+212612345678"),
        ("00212 6 12-34-56-78", "+212612345678"),
        ("٠٦١٢٣٤٥٦٧٨", "+212612345678"),
        ("+33 6 12 34 56 78", "+33612345678"),
    ],
)
def test_a_phone_is_kept_in_e164(text: str, kept: str) -> None:
    assert reading.read_phone(hear(text)) == kept


@pytest.mark.parametrize("text", ["061234567", "1234567890", "000000", "+212 1"])
def test_an_impossible_phone_is_a_problem(text: str) -> None:
    assert reading.read_phone(hear(text)) in (Problem("phone"), None)


@pytest.mark.parametrize(("text", "age"), [("24", "24"), ("j'ai ٢٤ ans", "24"), ("24 ans", "24")])
def test_an_age_in_figures(text: str, age: str) -> None:
    assert reading.read_age(hear(text)) == age


@pytest.mark.parametrize("text", ["200", "3", "0"])
def test_an_impossible_age_says_what_is_expected(text: str) -> None:
    problem = reading.read_age(hear(text))
    assert isinstance(problem, Problem) and problem.data == {"said": text, "low": "15", "high": "75"}


def test_a_forged_button_brings_no_number() -> None:
    """Only our own buttons carry ages, but a client can send anything."""
    for value in ("abc", "-5", "27.5", "9" * 50, "²"):
        assert isinstance(reading.read_age(hear("/inform", age=value)), Problem)


def test_two_numbers_are_no_age() -> None:
    assert reading.read_age(hear("entre 20 et 30")) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("fatima zahra bennani", "Fatima Zahra Bennani"),
        ("je m'appelle Karim El Alami", "Karim El Alami"),
        ("Mon nom complet est Sara Idrissi.", "Sara Idrissi"),
        ("smiti Jamila Oubella w nmra dyali 0612345678", "Jamila Oubella"),
        ("my name is Adam Lahlou and my email is a@example.ma", "Adam Lahlou"),
        ("سميتي عبد الرحيم بلقاسم", "عبد الرحيم بلقاسم"),
        ("اسمي خديجة بنجلون", "خديجة بنجلون"),
        ("Jean-Pierre O'Neil", "Jean-Pierre O'Neil"),
    ],
)
def test_a_name_without_what_stands_around_it(text: str, name: str) -> None:
    assert reading.read_name(hear(text)) == name


@pytest.mark.parametrize(
    ("text", "code"),
    [("Fatima", "name_short"), ("Fatima 123", "name"), ("x" * 200 + " y", "name"), ("a_b c!d", "name")],
)
def test_what_is_no_whole_name_is_a_problem(text: str, code: str) -> None:
    problem = reading.read_name(hear(text))
    assert isinstance(problem, Problem) and problem.code == code


def test_a_name_that_is_told_again_is_found() -> None:
    assert reading.read_name_told(hear("عفوا اسمي الصحيح هو هشام بنعمر")) == "هشام بنعمر"
    assert reading.read_name_told(hear("pardon, mon nom c'est Sara Alami")) == "Sara Alami"
    assert reading.read_name_told(hear("Rabat")) is None


@pytest.mark.parametrize(
    "text", ["annuler", "Annulez svp", "cancel it please", "إلغاء", "je veux arrêter", "safi 7bess"]
)
def test_the_words_that_end_a_journey_end_it(text: str) -> None:
    """Whatever the model makes of them: our texts promise that they do."""
    assert hear(text, "event_cancel", 0.66).is_stop


@pytest.mark.parametrize("text", ["je ne veux pas que mon dossier soit annulé sans me prévenir", "Rabat", "oui"])
def test_other_words_do_not(text: str) -> None:
    assert not hear(text).is_stop


@pytest.mark.parametrize(
    ("asked", "heard", "left"),
    [
        ("city", hear("c'est gratuit ?", "jobintech_cost", 0.99), True),
        ("city", hear("wach fabor", "jobintech_cost", 0.98), True),
        ("city", hear("Rabat", "jobintech_locations", 0.9, city="rabat"), False),
        ("city", hear("il y a quoi à Rabat ?", "jobintech_locations", 0.9, city="rabat"), True),
        ("full_name", hear("ça dure combien de temps", "jobintech_duration", 0.99), True),
        ("full_name", hear("اسمي خديجة بنجلون", "application_start", 0.9), False),
        ("full_name", hear("Wafae Salam", "greet", 0.99), False),
        ("request", hear("nous cherchons des stagiaires", "employer_partnership", 0.97), False),
        ("request", hear("je veux parler à quelqu'un", "request_human", 0.99), True),
        ("request", hear("combien ça coûte ?", "jobintech_cost", 0.99), True),
        ("email", hear("euh", "nlu_fallback", 0.3), False),
        ("phone", hear("/jobintech_cost", "jobintech_cost", 1.0), True),
        ("diploma", hear("/inform", "inform", 1.0, diploma="bac"), False),
    ],
)
def test_a_question_is_told_from_an_answer(asked: str, heard: Heard, left: bool) -> None:
    """A question in the middle is answered by others; an answer that looks like a topic is kept."""
    assert is_left(heard, asked, FIELDS[asked].read(heard)) is left


@pytest.mark.parametrize("text", ["ماشي شغلك", "machi chghlek", "pas envie", "none of your business", "non jamais"])
def test_a_refusal_is_no_name(text: str) -> None:
    """Whoever does not want to say their name has none of two words."""
    assert reading.read_name(hear(text)) == Problem("name")


@pytest.mark.parametrize("text", ["Nonna Rossi", "Nour Passet", "Noureddine Nona", "لالة فاطمة ليسر"])
def test_a_name_may_begin_like_a_refusal(text: str) -> None:
    """Only whole words are one."""
    assert reading.read_name(hear(text)) == text
