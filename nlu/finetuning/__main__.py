"""Fine-tune on nlu/examples and write nlu/encoder: ``python -m nlu.finetuning [--epochs 5] [--out FOLDER]``."""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import torch

from nlu.components.encoder import ENCODER_FOLDER
from nlu.components.examples import list_examples
from nlu.components.tuning import list_tuning_messages
from nlu.finetuning.base import read_base
from nlu.finetuning.export import export
from nlu.finetuning.network import Network
from nlu.finetuning.tune import Tuner, classify
from nlu.finetuning.vocabulary import list_rows, make_tokenizer


def main() -> None:
    """Tune, tell the accuracy on nlu/tuning by variety, and export."""
    parser = argparse.ArgumentParser(prog="python -m nlu.finetuning", description=__doc__)
    parser.add_argument("--epochs", type=int, default=5, help="how often each message is seen (5)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ENCODER_FOLDER)
    arguments = parser.parse_args()
    base = read_base()
    rows = list_rows(base)
    tokenizer = make_tokenizer(base, rows)
    words = torch.tensor(base.matrix("emb.word", base.shape.hidden_size)[rows])
    examples = list_examples()
    print(f"{len(examples)} messages, {len(rows)} pieces", flush=True)
    tuned = Tuner(Network(base), words, tokenizer, examples, arguments.epochs, arguments.seed).run()
    right = defaultdict(list)
    tuning = list_tuning_messages()
    for message, intent in zip(
        tuning, classify(tuned, words, tokenizer, [message.text for message in tuning]), strict=True
    ):
        right[message.variety].append(intent in message.intents)
    for variety, hits in sorted(right.items()):
        print(f"{variety}: {sum(hits) / len(hits):.3f} of {len(hits)} tuning messages by the nearest prototype")
    export(tuned.network, base, rows, tokenizer, arguments.out)
    size = sum(path.stat().st_size for path in arguments.out.iterdir()) / 1e6
    print(f"written: {arguments.out}, {size:.0f} MB")


if __name__ == "__main__":
    main()
