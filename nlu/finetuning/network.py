"""multilingual-e5-small as a PyTorch module (BERT's layers, Devlin et al. 2019; mean pooling, Wang et al. 2024)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from nlu.finetuning.base import Base, Shape
from nlu.finetuning.vocabulary import LONGEST

#: Added to the attention scores of padding.
_MASKED = -1e9


class Layer(nn.Module):
    """Self-attention and a feed-forward block, each with its residual and normalisation after it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        size, inner = shape.hidden_size, shape.intermediate_size
        self.heads = shape.heads
        self.q, self.k, self.v, self.ao = (nn.Linear(size, size) for _ in range(4))
        self.fi, self.fo = nn.Linear(size, inner), nn.Linear(inner, size)
        self.aln, self.oln = (nn.LayerNorm(size, shape.layer_norm_eps) for _ in range(2))

    def forward(self, states: Tensor, bias: Tensor, dropout: float) -> Tensor:
        """States of shape (messages, pieces, size), bias of shape (messages, 1, 1, pieces)."""
        query, key, value = (self._split(linear(states)) for linear in (self.q, self.k, self.v))
        weights = torch.softmax(query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5 + bias, dim=-1)
        context = (weights @ value).transpose(1, 2).flatten(2)
        states = self.aln(states + self._drop(self.ao(context), dropout))
        inner = self.fo(functional.gelu(self.fi(states)))
        return self.oln(states + self._drop(inner, dropout))

    def _drop(self, states: Tensor, dropout: float) -> Tensor:
        """Dropout of the same features in every piece of a message (Gal & Ghahramani, 2016).

        Drawing a number for each piece would take a tenth of the whole training.
        """
        if not self.training or not dropout:
            return states
        keep = torch.rand(states.shape[0], 1, states.shape[2], dtype=states.dtype) >= dropout
        return states * keep / (1.0 - dropout)

    def _split(self, states: Tensor) -> Tensor:
        return states.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Network(nn.Module):
    """Word vectors to unit vectors; the word vectors themselves stay as they were trained.

    Its layers and tensors have the names that they have in the pre-trained file.
    """

    def __init__(self, base: Base) -> None:
        super().__init__()
        size = base.shape.hidden_size
        position = torch.tensor(base.vector("emb.pos")).view(-1, size)[: LONGEST + 2]
        self.register_buffer("place", position + torch.tensor(base.vector("emb.type")).view(-1, size)[0])
        self.ln = nn.LayerNorm(size, base.shape.layer_norm_eps)
        _copy(self.ln, base, "emb.ln")
        self.layers = nn.ModuleList()
        for number in range(base.shape.layers):
            layer = Layer(base.shape)
            for name, part in layer.named_children():
                _copy(part, base, f"l{number}.{name}")
            self.layers.append(layer)

    def forward(self, words: Tensor, mask: Tensor, dropout: float = 0.0) -> Tensor:
        """Word vectors (messages, pieces, size) and a mask (messages, pieces), 1 for a piece and 0 for padding.

        Returns:
            Unit vectors, float32 of shape (messages, size).
        """
        states = self.ln(words + self.place[: words.shape[1]])
        bias = ((1.0 - mask) * _MASKED)[:, None, None, :]
        for layer in self.layers:
            states = layer(states, bias, dropout)
        weights = mask[:, :, None]
        mean = (states * weights).sum(1) / weights.sum(1)
        return functional.normalize(mean.float(), dim=-1)


def _copy(part: nn.Module, base: Base, name: str) -> None:
    if isinstance(part, nn.Linear):
        part.weight.data = torch.tensor(base.matrix(f"{name}.w", part.in_features))
    else:
        part.weight.data = torch.tensor(base.vector(f"{name}.w"))
    part.bias.data = torch.tensor(base.vector(f"{name}.b"))


def pad(pieces: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Piece numbers and mask of messages, int64 and float32 of shape (messages, longest); padding is piece 1."""
    longest = max(len(message) for message in pieces)
    numbers = np.ones((len(pieces), longest), dtype=np.int64)
    mask = np.zeros((len(pieces), longest), dtype=np.float32)
    for row, message in enumerate(pieces):
        numbers[row, : len(message)] = message
        mask[row, : len(message)] = 1.0
    return numbers, mask
