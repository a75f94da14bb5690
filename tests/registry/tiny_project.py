"""A Rasa project of a few messages, which the real Rasa trains in seconds: for what is done with models."""

from __future__ import annotations

from pathlib import Path

import yaml

from bot.training import Project

DOMAIN = """
version: "3.1"
intents: [greet, thank, jobintech_cost]
responses:
  utter_greet: [{text: Bonjour}]
  utter_thank: [{text: De rien}]
  utter_jobintech_cost: [{text: Gratuit}]
"""
CONFIG = """
recipe: default.v1
language: fr
assistant_id: tiny
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
  analyzer: char_wb
  min_ngram: 1
  max_ngram: 4
- name: LogisticRegressionClassifier
- name: FallbackClassifier
  threshold: 0.2
  ambiguity_threshold: 0.0
policies:
- name: RulePolicy
"""
RULES = """
version: "3.1"
rules:
- rule: greet
  steps: [{intent: greet}, {action: utter_greet}]
- rule: thank
  steps: [{intent: thank}, {action: utter_thank}]
- rule: cost
  steps: [{intent: jobintech_cost}, {action: utter_jobintech_cost}]
"""
EXAMPLES = {
    "greet": ["bonjour", "bonsoir", "salut à tous", "coucou", "bonjour à vous"],
    "thank": ["merci", "merci beaucoup", "grand merci", "mille mercis", "je vous remercie"],
    "jobintech_cost": ["c'est gratuit ?", "combien ça coûte", "quel est le prix", "faut-il payer", "est-ce payant ?"],
}
CHECKS = [["bonjour", "greet"], ["merci", "thank"], ["c'est gratuit ?", "jobintech_cost"]]


def make_project(folder: Path, examples: dict[str, list[str]] | None = None) -> Project:
    """A project in an empty folder."""
    for name, content in (
        ("domain.yml", DOMAIN),
        ("config.yml", CONFIG),
        ("nlu/rules.yml", RULES),
        ("nlu/checks.yml", yaml.safe_dump(CHECKS, allow_unicode=True)),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    project = Project(folder, folder / "var" / "models", folder / "var" / "log")
    write_examples(project, examples or EXAMPLES)
    return project


def write_examples(project: Project, examples: dict[str, list[str]]) -> None:
    """Put other training messages in the place of those that there are."""
    path = project.root / "nlu" / "examples" / "tiny.fr.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ['version: "3.1"', "nlu:"]
    for intent, texts in examples.items():
        lines += [f"- intent: {intent}", "  examples: |", *(f"    - {text}" for text in texts)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_heldout(project: Project) -> None:
    """A file of held-out messages with its floors."""
    folder = project.root / "tests" / "nlu" / "heldout"
    folder.mkdir(parents=True)
    rows = [
        "greet\tbonjour tout le monde",
        "thank\tmerci bien",
        "jobintech_cost\tc'est payant ou gratuit ?",
        "greet\tcoucou",
    ]
    (folder / "fr.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder.parent / "floors.yml").write_text("fr: {accuracy: 0.5, good_refused: 0.5}\n", encoding="utf-8")
