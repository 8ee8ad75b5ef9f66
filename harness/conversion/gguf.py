"""Decoders as llama.cpp has them: one file of weights, often in four bits, and of their tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedConfig, PreTrainedModel

from harness.errors import AssetError
from harness.model_folder import SAFELY


def convert(files: Path, folder: Path, architecture: dict[str, Any]) -> None:
    """Write the model of the one *.gguf in `files` to `folder`; the file says its architecture.

    In float32: a weight of four bits times a scale of sixteen has more digits than bfloat16.
    """
    found = sorted(files.glob("*.gguf"))
    if len(found) != 1:
        raise AssetError(f"{len(found)} files *.gguf, expected one")
    file = found[0].name
    loaded = AutoModelForCausalLM.from_pretrained(
        files, dtype=torch.float32, gguf_file=file, **SAFELY
    )
    plain = _unquantised(loaded)
    plain.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(files, gguf_file=file, **SAFELY)
    tokenizer.model_max_length = plain.config.max_position_embeddings
    tokenizer.save_pretrained(folder)


def _unquantised(loaded: PreTrainedModel) -> PreTrainedModel:
    """The same model, which no longer says of itself that it were quantised, as it was on disk."""
    said = loaded.config.to_dict()
    del said["quantization_config"]
    config: PreTrainedConfig = type(loaded.config).from_dict(said)
    plain: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    plain.load_state_dict(loaded.state_dict())
    plain.generation_config = loaded.generation_config
    return plain
