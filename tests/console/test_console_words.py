"""The words of the console."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from bot.console import words
from bot.console.layout import TEMPLATES
from bot.console.layout.navigation import ENTRIES
from bot.console.roles import ROLES
from bot.console.words import LANGUAGES, load_words

CODE = Path("bot/console")


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_three_languages_have_the_same_keys() -> None:
    """No language misses a word, nor has one that the others do not."""
    keys = {language: set(load_words(language)) for language in LANGUAGES}
    assert keys["ar"] == keys["fr"] == keys["en"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_values_are_filled_in(language: str) -> None:
    """A word has the same names in braces in each language, and is never empty."""
    words, french = load_words(language), load_words("fr")  # type: ignore[arg-type]
    assert {key for key in words if _fields(words[key]) != _fields(french[key])} == set()
    assert [key for key in words if not words[key]] == []


def test_every_word_of_a_template_exists() -> None:
    """What templates ask for by name is there, and so is what is put together from roles and entries."""
    asked = set()
    for template in TEMPLATES.rglob("*.html"):
        asked |= set(re.findall(r'\bt\(\s*"([a-z0-9_.]+[a-z0-9_])"', template.read_text(encoding="utf-8")))
    asked |= {f"roles.{role}" for role in ROLES} | {f"role_hints.{role}" for role in ROLES}
    asked |= {f"navigation.{entry.key}" for entry in ENTRIES} | {f"navigation_hints.{entry.key}" for entry in ENTRIES}
    assert asked - set(load_words("fr")) == set()


def test_what_redirects_and_the_log_say_exists() -> None:
    """Each ``?done=`` and each audited action of the code has its words."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in CODE.rglob("*.py"))
    done = set(re.findall(r"\?done=([a-z_]+)|_change\(\s*request,\s*member_id,\s*\"([a-z_]+)\"", code))
    done = {key for pair in done for key in pair if key}
    actions = set(re.findall(r'record\(\s*session, [^"]*?"([a-z_]+)"', code))
    assert len(done) > 6 and len(actions) > 8
    assert {f"done.{key}" for key in done} | {f"audit_actions.{key}" for key in actions} <= set(load_words("fr"))


def test_a_key_stands_in_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files with the same word are refused: one of them would count for nothing."""
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "a.yml").write_text("home: {title: Accueil}", encoding="utf-8")
    (tmp_path / "fr" / "b.yml").write_text("home: {title: Début}", encoding="utf-8")
    monkeypatch.setattr(words, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"fr/b\.yml: home\.title stands in another file too"):
        load_words.__wrapped__("fr")


def test_french_does_not_break_before_its_marks() -> None:
    """High marks and quotation marks keep to their words; what the team may type in braces is left as it is."""
    words = load_words("fr")
    broken = re.compile(r"« | [:?!;»]| %(?!\})")
    assert [key for key in words if broken.search(words[key])] == []
    assert words["pair"] == "{name}\u00a0: {value}"
    assert "{% %}" in words["content.text_hint"] and " :" not in words["figures.was"]
