"""The training messages: complete, well-formed, in the script of their file, and without contradictions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from annotations import list_lines

from nlu.components.examples import Example, list_examples
from nlu.components.normaliser import normalise
from nlu.components.script import script_of

ROOT = Path(__file__).parents[2]
VARIETIES = ("fr", "ary-Latn", "ary-Arab", "ar", "en")
SCRIPTS = {"fr": "Latn", "ary-Latn": "Latn", "en": "Latn", "ary-Arab": "Arab", "ar": "Arab"}
DOMAIN = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))


def name_of(entry: object) -> str:
    return str(next(iter(entry)) if isinstance(entry, dict) else entry)


#: What people type: from request_erasure on only buttons carry an intent.
_NAMES = [name_of(entry) for entry in DOMAIN["intents"]]
INTENTS = set(_NAMES[: _NAMES.index("request_erasure")])
#: What only buttons carry: the journey to go on with, the field to correct, the need of a founder, a paper, a code.
BUTTON_ENTITIES = {"journey", "field", "offer", "document", "code"}
ENTITIES = {name_of(entry) for entry in DOMAIN["entities"]} - BUTTON_ENTITIES


def test_every_line_is_read() -> None:
    """The product's reader gives every line of every file, with its intent, its variety and no marks."""
    assert list_examples() == tuple(Example(line.intent, line.variety, line.text.strip()) for line in list_lines())
    assert len(list_examples()) >= 6_000


def test_every_line_is_an_example() -> None:
    """Each line starts with a dash and has something to say."""
    assert [line for line in list_lines() if not line.written.startswith("- ") or not line.text.strip()] == []


def test_files_are_named_by_topic_and_variety() -> None:
    """Every topic has one file per variety."""
    files = {line.file for line in list_lines()}
    topics = {name.split(".")[0] for name in files}
    assert files == {f"{topic}.{variety}.yml" for topic in topics for variety in VARIETIES}


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("bonjour", "Latn"),
        ("ch7al 3afak", "Latn"),
        ("سلام", "Arab"),
        ("ما هو Maroc Numeric Cluster ؟", "Arab"),
        ("شنو هي JobInTech", "Arab"),
        ("les salons tech ديال 2027", "Arab"),
        ("بريدي الالكتروني salma.mithal@example.com", "Arab"),
        ("quel est le sens du mot تكوين dans votre annonce sur les formations", "Latn"),
        ("24", "none"),
        ("👍 ...", "none"),
        ("", "none"),
    ],
)
def test_script(text: str, script: str) -> None:
    """Whoever writes Arabic around a Latin name writes Arabic."""
    assert script_of(text) == script


def test_the_domain_knows_every_intent_and_kind() -> None:
    """What the messages use is declared, and each declared kind is marked somewhere."""
    assert {mark.kind for line in list_lines() for mark in line.marks} == ENTITIES


WRITTEN = {
    # What bot/content tells people to write.
    "delete_my_data": [
        "mes données",
        "my data",
        "المعطيات ديالي",
        "بياناتي",
        "mes donnees dyali",
        "mes donnees",
        "MY DATA",
    ],
    "cancel": ["annuler", "cancel", "إلغاء"],
    "application_status": [
        "où en est mon dossier",
        "what's the status of my application",
        "dossier dyali",
        "فين وصل الدوسي ديالي",
        "ملفي",
    ],
    "unsubscribe": ["STOP", "stop", "arrêt", "وقف", "حبسو الميساجات", "أوقفوا الرسائل", "baraka mn les messages"],
}


@pytest.mark.parametrize(("intent", "text"), [(intent, text) for intent in WRITTEN for text in WRITTEN[intent]])
def test_what_our_texts_tell_people_to_write_is_trained(intent: str, text: str) -> None:
    """The words that an answer asks for are a training message of their intent."""
    assert {line.intent for line in list_lines() if normalise(line.text) == normalise(text)} == {intent}


@pytest.mark.parametrize("variety", VARIETIES)
def test_every_quoted_instruction_is_trained(variety: str) -> None:
    """Whatever bot/content tells people to write, in quotation marks or capitals, is a training message."""
    content = yaml.safe_load((ROOT / "bot" / "content" / f"{variety}.yml").read_text(encoding="utf-8"))
    written = {normalise(line.text): line.intent for line in list_lines()}
    instructions = [text for text in _strings(content) if _INSTRUCTION.search(text)]
    quoted = [part for text in instructions for part in _QUOTED.findall(text[_INSTRUCTION.search(text).start() :])]  # type: ignore[union-attr]
    assert len(quoted) >= 2
    assert {part: written.get(normalise(part)) for part in quoted if written.get(normalise(part)) not in WRITTEN} == {}


_INSTRUCTION = re.compile(r"(?:écrivez|\bktb|كتب|كتابة|\bwrite) (?=STOP|[«“\"])")
_QUOTED = re.compile(r"STOP|(?<=[«“\"])\s*[^«»“”\"{}]+?\s*(?=[»”\"])")


def _strings(node: object) -> list[str]:
    if isinstance(node, str):
        return [node]
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return [text for child in children for text in _strings(child)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("topic.yml", "nlu: []"),
        ("a.b.c.yml", "nlu: []"),
        ("topic.fr.yml", "nlu: [{intent: greet}]"),
        ("topic.fr.yml", "nlu: [{examples: '- a'}]"),
    ],
)
def test_malformed_files_are_refused(tmp_path: Path, name: str, content: str) -> None:
    """A misnamed file, or an entry without intent or examples, is told by the file's name."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(name)):
        list_examples.__wrapped__(tmp_path)
