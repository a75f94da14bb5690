"""Fine-tune the network on messages and their intents.

Two terms: a cosine classifier with a margin (CosFace, Wang et al. 2018), and supervised contrast (Khosla et al. 2020),
which pulls the messages of one intent together whatever they are written in.  What is out of scope is not one thing,
so only the classifier sees it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from tokenizers import Tokenizer
from torch import Tensor, nn

from nlu.components.encoder import PREFIX
from nlu.components.examples import Example
from nlu.finetuning.network import Network, pad
from nlu.finetuning.noise import misspell

OUT_OF_SCOPE = "out_of_scope"
BATCH = 48
#: Batches are cut from this many batches' worth of messages sorted by length, so that little is padding.
WINDOW = 20
NETWORK_RATE = 1.5e-4
HEAD_RATE = 5e-3
WARM_UP = 0.08
WEIGHT_DECAY = 0.01
DROPOUT = 0.1
SCALE = 20.0
MARGIN = 0.1
SMOOTHING = 0.05
CONTRAST_WEIGHT = 0.2
CONTRAST_SCALE = 10.0


@dataclass(frozen=True)
class Tuned:
    """The network, and the prototype of each intent as a unit vector, of shape (intents, size)."""

    network: Network
    intents: list[str]
    prototypes: Tensor


class Tuner:
    """Network, head and optimiser of one fine-tuning."""

    def __init__(
        self, network: Network, words: Tensor, tokenizer: Tokenizer, examples: Sequence[Example], epochs: int, seed: int
    ) -> None:
        """Args:
        network: changed in place.
        words: the word vectors of the tokenizer's pieces, of shape (pieces, size).
        examples: what to learn.
        epochs: how often each message is seen.
        seed: of order, noise and dropout.
        """
        torch.manual_seed(seed)
        self._chance = random.Random(seed)  # noqa: S311 - noise, no secret
        self._network, self._words, self._tokenizer = network, words, tokenizer
        self._examples = list(examples)
        self._epochs = epochs
        self._intents = sorted({example.intent for example in examples})
        self._head = nn.Parameter(torch.empty(len(self._intents), words.shape[1]))
        nn.init.orthogonal_(self._head)
        self._steps = epochs * (len(self._examples) // BATCH)
        self._optimiser = torch.optim.AdamW(
            [
                {"params": list(network.parameters()), "lr": NETWORK_RATE},
                {"params": [self._head], "lr": HEAD_RATE},
            ],
            weight_decay=WEIGHT_DECAY,
            fused=True,
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimiser, self._rate_at)

    def _rate_at(self, step: int) -> float:
        return min(1.0, (step + 1) / (WARM_UP * self._steps)) * max(0.02, 1 - step / self._steps)

    def run(self) -> Tuned:
        """Every epoch, telling the loss and the time of each."""
        started = time.monotonic()
        self._network.train()
        for epoch in range(self._epochs):
            losses = [self._step(chunk) for chunk in self._cut_batches()]
            took = time.monotonic() - started
            print(f"epoch {epoch + 1} of {self._epochs}: loss {np.mean(losses):.3f}, {took:.0f} s", flush=True)
        self._network.eval()
        return Tuned(self._network, self._intents, functional.normalize(self._head.detach(), dim=-1))

    def _cut_batches(self) -> Iterator[list[Example]]:
        order = self._chance.sample(self._examples, len(self._examples))
        chunks = []
        for start in range(0, len(order), BATCH * WINDOW):
            window = sorted(order[start : start + BATCH * WINDOW], key=lambda example: len(example.text))
            chunks += [window[i : i + BATCH] for i in range(0, len(window) - BATCH + 1, BATCH)]
        self._chance.shuffle(chunks)
        yield from chunks

    def _step(self, chunk: Sequence[Example]) -> float:
        texts = [misspell(example.text, example.variety, self._chance) for example in chunk]
        labels = torch.tensor([self._intents.index(example.intent) for example in chunk])
        # Where the processor has no tiles for bfloat16 (AMX), float32 is faster: 50 messages a second against 30.
        with torch.autocast("cpu", torch.bfloat16, enabled=bool(torch.cpu.get_capabilities().get("amx_bf16"))):
            vectors = encode_batch(self._network, self._words, self._tokenizer, texts, DROPOUT)
        loss = self._classification_loss(vectors, labels) + CONTRAST_WEIGHT * self._contrast_loss(vectors, labels)
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._optimiser.step()
        self._schedule.step()
        return float(loss.detach())

    def _classification_loss(self, vectors: Tensor, labels: Tensor) -> Tensor:
        cosines = vectors @ functional.normalize(self._head, dim=-1).T
        cosines = cosines - MARGIN * functional.one_hot(labels, len(self._intents))
        return functional.cross_entropy(SCALE * cosines, labels, label_smoothing=SMOOTHING)

    def _contrast_loss(self, vectors: Tensor, labels: Tensor) -> Tensor:
        outside = self._intents.index(OUT_OF_SCOPE) if OUT_OF_SCOPE in self._intents else -1
        same = ((labels[:, None] == labels[None]) & (labels != outside)[:, None]).float()
        same.fill_diagonal_(0)
        has_other = same.sum(1) > 0
        if not has_other.any():
            return torch.zeros(())
        similarity = CONTRAST_SCALE * vectors @ vectors.T
        similarity = similarity.masked_fill(torch.eye(len(labels), dtype=torch.bool), -1e9)
        likelihood = (functional.log_softmax(similarity, dim=1) * same).sum(1)
        return -(likelihood[has_other] / same.sum(1)[has_other]).mean()


def encode_batch(
    network: Network, words: Tensor, tokenizer: Tokenizer, texts: Sequence[str], dropout: float = 0.0
) -> Tensor:
    """Unit vectors of texts, of shape (texts, size)."""
    numbers, mask = pad([item.ids for item in tokenizer.encode_batch([PREFIX + text for text in texts])])
    return network(words[torch.from_numpy(numbers)], torch.from_numpy(mask), dropout)


@torch.no_grad()
def classify(tuned: Tuned, words: Tensor, tokenizer: Tokenizer, texts: Sequence[str]) -> list[str]:
    """The nearest prototype's intent of each text."""
    found: list[int] = []
    for start in range(0, len(texts), BATCH):
        vectors = encode_batch(tuned.network, words, tokenizer, texts[start : start + BATCH])
        found += (vectors @ tuned.prototypes.T).argmax(dim=1).tolist()
    return [tuned.intents[number] for number in found]
