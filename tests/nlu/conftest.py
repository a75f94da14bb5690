"""What the tests inside Rasa's environment share: quiet imports, and a Rasa agent trained on a few messages."""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]

# Before anything imports TensorFlow or Rasa.
os.environ.update(
    TF_CPP_MIN_LOG_LEVEL="3",
    CUDA_VISIBLE_DEVICES="-1",
    RASA_TELEMETRY_ENABLED="false",
    SQLALCHEMY_SILENCE_UBER_WARNING="1",
)

DOMAIN = """
version: "3.1"
intents: [greet, jobintech_cost]
entities: [city]
responses:
  utter_greet: [{text: Bonjour}]
  utter_jobintech_cost: [{text: Gratuit, buttons: [{title: Merci, payload: /greet}]}]
"""
DATA = """
version: "3.1"
nlu:
- intent: greet
  examples: |
    - bonjour
    - salam
    - سلام
    - hello
- intent: jobintech_cost
  examples: |
    - c'est gratuit
    - combien ça coûte
    - ch7al taman
    - شحال الثمن
rules:
- rule: greet
  steps: [{intent: greet}, {action: utter_greet}]
- rule: cost
  steps: [{intent: jobintech_cost}, {action: utter_jobintech_cost}]
"""


@pytest.fixture(scope="session")
def product() -> Any:
    """The product's model, loaded once; the product's own environment knows which one belongs to the present inputs."""
    from rasa.core.agent import Agent
    from rasa.utils.log_utils import configure_structlog

    command = [str(ROOT / ".venv/bin/python"), "-c", "from bot.training import model_path; print(model_path())"]
    model = Path(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip())
    assert model.exists(), "there is no model of the present inputs: make train"
    configure_structlog(logging.ERROR)  # else Rasa tells of every message
    return Agent.load(str(model))


@pytest.fixture(scope="session")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Rasa's own agent, with our extractor and classifier as config.yml names them, trained on eight messages."""
    import rasa
    from rasa.core.agent import Agent

    folder: Path = tmp_path_factory.mktemp("rasa")
    shipped = yaml.safe_load((ROOT / "config.yml").read_text(encoding="utf-8"))
    config = {
        **shipped,
        "pipeline": [
            part for part in shipped["pipeline"] if part["name"].split(".")[-2:-1] in (["gazetteer"], ["classifier"])
        ],
        "policies": [{"name": "RulePolicy"}],
    }
    assert len(config["pipeline"]) == 2, "config.yml has no gazetteer or no classifier"
    for name, content in (("domain.yml", DOMAIN), ("config.yml", yaml.safe_dump(config)), ("data.yml", DATA)):
        (folder / name).write_text(content, encoding="utf-8")
    result = rasa.train(
        str(folder / "domain.yml"), str(folder / "config.yml"), [str(folder / "data.yml")], str(folder / "models")
    )
    assert result.model, "the tiny model was not trained"
    return Agent.load(result.model)
