"""T5 as two graphs of ONNX, encoder.onnx and decoder.onnx, with weights in eight bits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration
from transformers.utils import SAFE_WEIGHTS_NAME

from harness.errors import AssetError

# What the exporter calls the parts, and what transformers does.
ENCODER, DECODER = ("enc.", "encoder."), ("m.", "")
QUANTISED, SCALE, ZERO = "_quantized", "_scale", "_zero_point"
CONTEXT = 512
"""Tokens of the texts that T5 was trained on; its positions are relative and have no bound."""


def convert(files: Path, folder: Path, architecture: dict[str, Any]) -> None:
    """Write the model of `files` to `folder`, in float32, as `architecture` describes it.

    Raises AssetError where the graphs lack a weight of that architecture, or hold another.
    """
    weights = dict(_weights(files / "encoder.onnx", *ENCODER))
    weights |= dict(_weights(files / "decoder.onnx", *DECODER))
    weights["decoder.embed_tokens.weight"] = weights["shared.weight"]
    config = T5Config.from_dict(architecture)
    model = T5ForConditionalGeneration(config)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise AssetError(" ".join(str(error).split())) from error
    config.architectures = [type(model).__name__]
    config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    # Not the model's own: built, it has one tensor for both embeddings. Read from a file that holds
    # both, it has two, as FLAN-T5 has.
    both = {name: each.contiguous() for name, each in weights.items() if "embed_tokens" not in name}
    save_file(both, folder / SAFE_WEIGHTS_NAME, metadata={"format": "pt"})
    _tokenizer(files / "tokenizer.json").save_pretrained(folder)


def _weights(file: Path, exported: str, named: str) -> Iterator[tuple[str, Tensor]]:
    """The weights of a graph, under the names of transformers.

    A product's weight has lost its name to the exporter, and lies [in, out]; the node that
    multiplies by it has kept the name of its module.
    """
    graph = onnx.load(file).graph
    arrays = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    users = {name: node for node in graph.node for name in node.input}
    for name, array in arrays.items():
        if name.endswith(QUANTISED):
            stem = name.removesuffix(QUANTISED)
            array = (array.astype(np.float32) - arrays[stem + ZERO]) * arrays[stem + SCALE]
            if users[name].op_type == "MatMulInteger":
                module = users[name].name.strip("/").rpartition("/")[0].replace("/", ".")
                stem, array = f"{module}.weight", array.T
        elif name.endswith(".weight"):
            stem = name
        else:
            continue
        yield named + stem.removeprefix(exported), torch.from_numpy(np.array(array, np.float32))


def _tokenizer(file: Path) -> PreTrainedTokenizerFast:
    """As T5's own: a published one may cut and fill texts as its first use asked for."""
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=CONTEXT, **special)
