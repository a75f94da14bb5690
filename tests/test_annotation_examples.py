"""The files of examples are added to so that a review sees the additions alone, and nlu/lint.py finds no defect."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bot.annotation.examples import FOLDER, MEASURED, REFUSALS, ExampleFiles, ExamplesError, RefusedError, list_intents
from bot.annotation.marks import Mark
from bot.settings import ROOT

NEW = "vous prenez les gens qui travaillent la nuit à Rabat ?"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the examples."""
    copy = tmp_path / "nlu" / "examples"
    shutil.copytree(FOLDER, copy)
    return copy


def refusal(files: ExampleFiles, intent: str, variety: str, text: str) -> tuple[str, str]:
    with pytest.raises(RefusedError) as error:
        files.check(intent, variety, text)
    return error.value.reason, error.value.place


def test_a_line_is_added_under_its_intent(folder: Path) -> None:
    """At the end of the intent's, with its marks; nothing else changes; written once, and taken out again."""
    before = (folder / "jobintech.fr.yml").read_text(encoding="utf-8")
    files = ExampleFiles(folder)
    assert files.check("jobintech_eligibility", "fr", NEW) is None and files.diff() == ""
    name, line = files.add("jobintech_eligibility", "fr", NEW, [Mark(47, 52, "city")])
    assert (name, line) == ("jobintech.fr.yml", NEW.replace("Rabat", "[Rabat](city)"))
    changed = [each for each in files.diff().splitlines() if each[:1] in "+-" and not each.startswith(("+++", "---"))]
    assert changed == [f"+    - {line}"]
    assert files.write() == [name]
    after = (folder / name).read_text(encoding="utf-8")
    assert after.replace(f"    - {line}\n", "") == before
    assert after.index(line) < after.index("- intent: jobintech_prerequisites") and after.endswith("\n")
    again = ExampleFiles(folder)
    assert (again.check("jobintech_eligibility", "fr", NEW) or "").startswith("jobintech.fr.yml:")
    assert again.remove(name, line) and not again.remove(name, line)
    again.write()
    assert (folder / name).read_text(encoding="utf-8") == before


def test_the_patch_applies(folder: Path, tmp_path: Path) -> None:
    """`git apply` takes what the console gives to download."""
    files = ExampleFiles(folder)
    files.add("greet", "ar", "طاب يومكم أيها الطيبون جميعا", [])
    files.add("out_of_scope", "en", "which of my two cats should I name after the moon", [])
    (tmp_path / "examples.patch").write_text(files.diff(), encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "apply", "examples.patch"], cwd=tmp_path, check=True)
    assert "after the moon" in (folder / "conversation.en.yml").read_text(encoding="utf-8")


def test_what_is_measured_is_never_trained() -> None:
    """A message of the evaluation or tuning set, or one that is nearly it, is refused with its place."""
    files = ExampleFiles()
    for place in MEASURED:
        intent, _, text = next(
            line.partition("\t") for line in (place / "fr.tsv").read_text(encoding="utf-8").splitlines()
            if len(line.partition("\t")[2].split()) > 4
        )  # fmt: skip
        reason, where = refusal(files, intent.split("|")[0], "fr", text.upper() + " !!")
        assert reason == "measured" and where.startswith(f"{place.name}/fr.tsv:")


def test_what_would_be_a_defect_is_refused() -> None:
    """Each refusal has its reason, and where something stands in the way, its place."""
    files = ExampleFiles()
    assert refusal(files, "jobintech_cost", "fr", "c koi jobintech")[0] == "elsewhere"
    assert files.check("jobintech_about", "fr", "C koi, JobInTech ?") == "jobintech.fr.yml:5"
    assert refusal(files, "greet", "en", "c koi jobintech")[0] == "elsewhere"  # in another variety's file
    assert refusal(files, "no_such_intent", "fr", NEW)[0] == "intent"
    assert refusal(files, "nlu_fallback", "fr", NEW)[0] == "intent"
    assert refusal(files, "greet", "de", NEW)[0] == "variety"
    assert refusal(files, "greet", "fr", "؟!")[0] == "empty"
    assert refusal(files, "greet", "ary-Arab", NEW)[0] == "script"
    assert refusal(files, "greet", "fr", "je (city) suis")[0] == "brackets"
    for number in range(2_000):
        try:
            files.check("thank", "en", f"zq{number}x vbn{number * 7}")
        except RefusedError as error:
            assert error.reason == "too_many"
            break
        files.add("thank", "en", f"zq{number}x vbn{number * 7}", [])
    else:
        pytest.fail("an intent may outweigh all others")


def test_a_file_that_changed_is_not_overwritten(folder: Path) -> None:
    files = ExampleFiles(folder)
    files.add("greet", "fr", "salutations du fond du jardin bleu", [])
    with (folder / "conversation.fr.yml").open("a", encoding="utf-8") as file:
        file.write("# somebody else\n")
    with pytest.raises(ExamplesError, match=r"conversation\.fr\.yml was changed meanwhile"):
        files.write()
    with pytest.raises(ExamplesError, match="no such folder"):
        ExampleFiles(folder / "none")


def test_every_refusal_has_words() -> None:
    from bot.console.words import LANGUAGES, load_words

    for language in LANGUAGES:
        assert {f"training.refusals.{reason}" for reason in REFUSALS} <= set(load_words(language))
        assert {f"training.topics.{topic}" for topic in list_intents().values()} <= set(load_words(language))


@pytest.mark.timeout(600)
def test_what_is_added_passes_the_lint(folder: Path, tmp_path: Path) -> None:
    """`python -m nlu.lint`, in Rasa's environment and with its own rules, finds no defect after an export."""
    files = ExampleFiles(folder)
    for intent, variety, text, marks in (
        ("jobintech_eligibility", "fr", NEW, [Mark(47, 52, "city")]),
        ("jobintech_dates", "ary-Latn", "imta ghadi tftho lbab dyal had lhaja f Tanja", [Mark(39, 44, "city")]),
        (
            "application_status",
            "ary-Arab",
            "عافاكم قلبو ليا واش وصلاتكم الوراق ديال 0611223344",
            [Mark(40, 50, "phone")],
        ),
        ("out_of_scope", "en", "which of my two cats should I name after the moon", []),
    ):
        assert files.check(intent, variety, text) is None, text
        files.add(intent, variety, text, marks)
    files.write()
    (tmp_path / "nlu" / "components").mkdir()
    for path in (ROOT / "nlu").glob("*.py"):
        shutil.copy(path, tmp_path / "nlu")
    for path in (ROOT / "nlu" / "components").glob("*.py"):
        shutil.copy(path, tmp_path / "nlu" / "components")
    shutil.copy(ROOT / "domain.yml", tmp_path)
    shutil.copytree(ROOT / "nlu" / "tuning", tmp_path / "nlu" / "tuning")
    shutil.copytree(ROOT / "tests" / "nlu" / "heldout", tmp_path / "tests" / "nlu" / "heldout")
    python = ROOT / ".venv-nlu" / "bin" / "python"
    lint = subprocess.run([python, "-m", "nlu.lint"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert lint.returncode == 0, lint.stdout[-2000:] + lint.stderr[-2000:]
