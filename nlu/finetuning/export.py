"""Write what Rasa's side reads (nlu/components/encoder.py): network in int8, word vectors in 4 bits, tokeniser."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer

from nlu.components.encoder import NETWORK_FILE, TOKENIZER_FILE, WORDS_FILE
from nlu.finetuning.base import Base
from nlu.finetuning.network import Network

OPSET = 18


def export(network: Network, base: Base, rows: Sequence[int], tokenizer: Tokenizer, folder: Path) -> None:
    """Write the three files of the encoder into a folder.

    Args:
        rows: of the word vectors that the tokenizer's pieces stand for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / TOKENIZER_FILE), pretty=False)
    np.save(folder / WORDS_FILE, base.blocks("emb.word", base.shape.hidden_size)[list(rows)])
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "network.onnx"
        messages, pieces = torch.export.Dim("messages", min=1, max=512), torch.export.Dim("pieces", min=2, max=128)
        torch.onnx.export(
            network.eval(),
            (torch.zeros(2, 5, base.shape.hidden_size), torch.ones(2, 5)),
            str(plain),
            input_names=["words", "mask"],
            output_names=["vectors"],
            opset_version=OPSET,
            dynamic_shapes={"words": {0: messages, 1: pieces}, "mask": {0: messages, 1: pieces}},
            dynamo=True,
            external_data=False,
        )
        # Seven bits of weight: eight overflow on processors without VNNI instructions.
        quantize_dynamic(plain, folder / NETWORK_FILE, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
