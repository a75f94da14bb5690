"""Rasa's own test of conversations (`rasa test core`) on the product's model; its report is read, as it exits 0 anyway.

The stories in stories/test_<variety>.yml say of each message its intent and its entities, and which actions follow.
What fits: that a message is understood, that its intent leads to its action, that a form opens with its intent, is left
for a question and taken up again, closes, and stays closed.

What does not fit, since Rasa only predicts actions here (tests/e2e runs them):

- what an action decides.  One's own case in a question about who may apply goes over to the eligibility form by an
  event of the action server, so its story ends with `action_check_eligibility`; likewise `action_resume_journey`;
- whether a form declines a message.  Rasa has it decline whenever the story says another action than the form; that
  a form closed (`active_loop: null`) is the story's word too, and only what follows from it is tested;
- what the channel does before: several questions in one message, the form that the app says is open, typed commands.

An intent without a text is a button, or `nlu_fallback`.  Rasa goes on with the story's intent where the model gave
another one: a wrong intent is one mistake, not two.
"""

from __future__ import annotations

import asyncio
import io
import json
import warnings
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from annotations import list_lines
from rasa.core import test as core_test
from rasa.shared.nlu.training_data.entities_parser import find_entities_in_training_example, replace_entities
from ruamel.yaml import YAML

from nlu.components.normaliser import normalise
from nlu.evaluate import read_labelled

ROOT = Path(__file__).parents[2]
STORIES = Path(__file__).parent / "stories"
FILES = sorted(STORIES.glob("test_*.yml"))
VARIETIES = {"fr", "ary-Latn", "ary-Arab", "ar", "en"}
#: Shorter messages ("Oujda", "j'ai un master") can't help being among the examples.
FEWEST_WORDS = 4

#: Stories that fail today although people would expect them to pass, with what goes wrong.
KNOWN_WRONG = {
    "fr: a greeting that wishes a good day": "the wish is taken for a good-bye",
    'ary-Latn: who may apply, with "chkon"': "is taken for the question who runs the programme",
    'ar: erasure not wanted, said with "keep"': "is taken for a wish to erase",
    'ar: out of work, said with "not"': "is read as employed",
}


def load(file: Path) -> Any:
    """A YAML file with its comments: Rasa's report says in them what was predicted."""
    return YAML().load(file.read_text(encoding="utf-8"))


def list_stories(file: Path) -> list[Any]:
    return load(file)["stories"]


def list_texts(story: Any) -> list[str]:
    """What is typed in a story, with its entities marked."""
    return [step["user"] for step in story["steps"] if "user" in step]


@dataclass(frozen=True)
class CoreTest:
    """Rasa's test with the model of the present inputs."""

    agent: Any

    def run(self, file: Path, folder: Path) -> dict[str, list[str]]:
        """The mistakes of each story of a file that failed, as `what was expected` against `what was predicted`.

        Args:
            file: whose name begins with ``test_``; Rasa overlooks others.
            folder: where Rasa writes its report.
        """
        with warnings.catch_warnings():
            # A step that Rasa can't read is skipped with one of these, and the story would pass without it.
            warnings.filterwarnings("error", message="Issue found in")
            test = core_test.test(str(file), self.agent, out_directory=str(folder), e2e=True, disable_plotting=True)
            with redirect_stderr(io.StringIO()):  # its progress bars would bury the list of mistakes
                asyncio.run(test)
        report = json.loads((folder / "story_report.json").read_text(encoding="utf-8"))
        counts = report.get("conversation_accuracy", {"total": 0, "correct": 0})
        stories = list_stories(file)
        # Rasa drops a story that says the same as one before it, and a file without its prefix.
        told = (
            f"Rasa ran {counts['total']} of the {len(stories)} stories of {file.name}, and dropped the others as alike"
        )
        assert counts["total"] == len(stories), told
        failed = {
            str(story["story"]).removesuffix(f" ({file})"): story
            for story in (load(folder / "failed_test_stories.yml") or {}).get("stories", [])
        }
        assert len(failed) == counts["total"] - counts["correct"], "two stories have one name"
        written = {str(story["story"]): story for story in stories}
        return {
            name: [*self._list_wrong_messages(written[name]), *_list_wrong_actions(story)]
            for name, story in failed.items()
        }

    def _list_wrong_messages(self, story: Any) -> list[str]:
        """Messages with another intent or other entities than written; the report leaves out some of the latter."""
        mistakes = []
        turns = [step for step in story["steps"] if "intent" in step]
        for number, step in enumerate(turns, 1):
            if "user" not in step:
                continue
            text = replace_entities(step["user"])
            parse = asyncio.run(self.agent.parse_message(text))
            expected = _describe(text, step["intent"], find_entities_in_training_example(step["user"]))
            predicted = _describe(text, parse["intent"]["name"], parse["entities"])
            if expected != predicted:
                mistakes.append(f"turn {number}, {text!r}: expected {expected}, predicted {predicted}")
        return mistakes


def _describe(text: str, intent: str, entities: list[dict[str, Any]]) -> str:
    named = sorted(f"{text[each['start'] : each['end']]}={each['entity']}:{each['value']}" for each in entities)
    return " ".join([intent, *named])


def _list_wrong_actions(story: Any) -> list[str]:
    """The steps of a story of Rasa's report whose comment says that another action was predicted."""
    mistakes, turn = [], 0
    for step in story["steps"]:
        turn += "intent" in step
        if "action" in step and "action" in step.ca.items:
            predicted = step.ca.items["action"][2].value.split("predicted:")[1].strip()
            mistakes.append(f"turn {turn}: expected {step['action']}, predicted {predicted}")
    return mistakes


def tell(failures: dict[str, list[str]]) -> str:
    return "\n".join(f"{name}\n    " + "\n    ".join(mistakes) for name, mistakes in failures.items())


@pytest.fixture(scope="module")
def core(product: Any) -> CoreTest:
    """The product's model with Rasa's test of conversations."""
    return CoreTest(product)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem.removeprefix("test_"))
def test_conversations_go_as_written(core: CoreTest, file: Path, tmp_path: Path) -> None:
    """Each message is understood and leads to its actions; what is known to be wrong still is."""
    failures = core.run(file, tmp_path)
    unexpected = {name: mistakes for name, mistakes in failures.items() if name not in KNOWN_WRONG}
    assert not unexpected, f"{len(unexpected)} stories went another way:\n{tell(unexpected)}"
    repaired = KNOWN_WRONG.keys() & {str(story["story"]) for story in list_stories(file)} - failures.keys()
    assert not repaired, f"these pass now, take them out of KNOWN_WRONG: {sorted(repaired)}"


WRONG = """
version: "3.1"
stories:
- story: wrong action
  steps:
  - user: "est-ce qu'il faut payer quelque chose à un moment ?"
    intent: jobintech_cost
  - action: utter_jobintech_duration
- story: wrong intent
  steps:
  - user: "comment se déroule l'entretien de sélection ?"
    intent: jobintech_documents
  - action: utter_jobintech_documents
- story: wrong entity
  steps:
  - user: "vous avez un centre de formation du côté de [Tanger](city:fes) ?"
    intent: jobintech_locations
  - action: action_find_centres
- story: form that does not come back
  steps:
  - intent: check_eligibility
  - action: eligibility_form
  - active_loop: eligibility_form
  - user: "est-ce qu'il faut payer quelque chose à un moment ?"
    intent: jobintech_cost
  - action: utter_jobintech_cost
- story: right
  steps:
  - user: "est-ce qu'il faut payer quelque chose à un moment ?"
    intent: jobintech_cost
  - action: utter_jobintech_cost
"""
#: What the last one says.
TWIN = """- story: right again
  steps:
  - user: "est-ce qu'il faut payer quelque chose à un moment ?"
    intent: jobintech_cost
  - action: utter_jobintech_cost
"""


def test_wrong_stories_are_told(core: CoreTest, tmp_path: Path) -> None:
    """A story that says what the model does not do fails, and its mistake is named; the right one beside it passes."""
    file = tmp_path / "test_wrong.yml"
    file.write_text(WRONG, encoding="utf-8")
    assert core.run(file, tmp_path) == {
        "wrong action": [
            "turn 1: expected utter_jobintech_duration, predicted utter_jobintech_cost",
            # The story goes on with its own action, and nothing follows that.
            "turn 1: expected action_listen, predicted action_clarify",
        ],
        "wrong intent": [
            'turn 1, "comment se déroule l\'entretien de sélection ?": '
            "expected jobintech_documents, predicted jobintech_selection"
        ],
        "wrong entity": [
            "turn 1, 'vous avez un centre de formation du côté de Tanger ?': "
            "expected jobintech_locations Tanger=city:fes, predicted jobintech_locations Tanger=city:tanger"
        ],
        # The form comes back; Rasa has it decline, as the story says another action, and nothing else is left.
        "form that does not come back": ["turn 2: expected action_listen, predicted action_clarify"],
    }


@pytest.mark.parametrize(
    ("content", "error", "told"),
    [
        (WRONG + TWIN, AssertionError, "Rasa ran 5 of the 6 stories"),
        (WRONG.replace("- action: utter_jobintech_duration", "- intent: jobintech_price"), UserWarning, "domain"),
    ],
    ids=["a story twice", "an intent that is none"],
)
def test_no_story_is_dropped_in_silence(
    core: CoreTest, tmp_path: Path, content: str, error: type[Exception], told: str
) -> None:
    """What Rasa would leave out, with a warning at most, is an error."""
    file = tmp_path / "test_dropped.yml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(error, match=told):
        core.run(file, tmp_path)


def test_every_rule_has_a_story_and_every_variety_a_file() -> None:
    """An intent of nlu/rules.yml that no story has is one that nobody wrote a conversation for."""
    assert {file.stem.removeprefix("test_") for file in FILES} == VARIETIES
    ruled = {rule["steps"][0].get("intent") for rule in load(ROOT / "nlu" / "rules.yml")["rules"]} - {None}
    stories = [story for file in FILES for story in list_stories(file)]
    told = {step["intent"] for story in stories for step in story["steps"] if "intent" in step}
    assert not ruled - told, f"tests/nlu/stories has no story of {sorted(ruled - told)}"
    assert KNOWN_WRONG.keys() <= {str(story["story"]) for story in stories}


def test_no_message_is_one_that_the_model_has_learnt_or_is_measured_on() -> None:
    """A story of learnt messages would pass whatever the model makes of new ones."""
    heldout = [each.text for path in (STORIES.parent / "heldout").glob("*.tsv") for each in read_labelled(path)]
    known = {normalise(text) for text in [*(line.text for line in list_lines()), *heldout]}
    texts = {replace_entities(text) for file in FILES for story in list_stories(file) for text in list_texts(story)}
    assert not {text for text in texts if len(text.split()) >= FEWEST_WORDS and normalise(text) in known}
