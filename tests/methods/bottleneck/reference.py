"""Writes what the `adapters` package computes, for `test_reference.py` to compare with.

A script of its own, as the package needs a transformers that this project does not run on:

    python -m venv reference
    reference/bin/pip install adapters==1.3.0 "transformers~=4.57.6" torch safetensors
    reference/bin/python tests/methods/bottleneck/reference.py

It writes `reference_bert.safetensors` and `reference_llama.safetensors` beside itself. In each are
the weights of a tiny random model, inputs, and per case the adapters' weights, the token states
that come out of them, and the gradient of `sum(states · direction)` with respect to every trained
weight. Names are CASE/LAYER/SUBLAYER/ADAPTER/WEIGHT.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import adapters
import torch
import transformers
from adapters import DoubleSeqBnConfig, Fuse, ParBnConfig, SeqBnConfig
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import BertConfig, BertModel, LlamaConfig, LlamaModel

WIDTH, VOCABULARY = 16, 40
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 16,
}
MODELS = {
    "bert": (BertModel, BertConfig, SIZES),
    "llama": (LlamaModel, LlamaConfig, SIZES | {"num_key_value_heads": 2}),
}
CASES = {
    "houlsby": {"one": DoubleSeqBnConfig(reduction_factor=4)},
    "pfeiffer": {"one": SeqBnConfig(reduction_factor=4)},
    "parallel": {"one": ParBnConfig(reduction_factor=4)},
    "parallel_both": {"one": ParBnConfig(reduction_factor=4, mh_adapter=True)},
    "fusion": {
        "one": SeqBnConfig(reduction_factor=4),
        "two": SeqBnConfig(reduction_factor=8),
        "three": SeqBnConfig(reduction_factor=2, non_linearity="gelu"),
    },
}


def main() -> None:
    for name, (model, config, sizes) in MODELS.items():
        generator = torch.Generator().manual_seed(0)
        own = {"add_pooling_layer": False} if name == "bert" else {}
        base = model(config(**sizes), **own)
        randomise(base, 0.2, generator)
        tensors = {
            "input_ids": torch.randint(VOCABULARY, (2, 7), generator=generator),
            "attention_mask": torch.tensor([[1] * 7, [1] * 4 + [0] * 3]),
            "direction": 0.1 * torch.randn(2, 7, WIDTH, generator=generator),
        }
        tensors |= {f"base/{key}": value for key, value in base.state_dict().items()}
        for case in CASES:
            found = ran(deepcopy(base), case, tensors, generator)
            tensors |= {f"{case}/{key}": tensor for key, tensor in found.items()}
        save_file(
            tensors,
            Path(__file__).with_name(f"reference_{name}.safetensors"),
            metadata={
                "config": json.dumps(sizes),
                "adapters": adapters.__version__,
                "transformers": transformers.__version__,
            },
        )


def ran(
    backbone: nn.Module, case: str, inputs: dict[str, Tensor], generator: torch.Generator
) -> dict[str, Tensor]:
    """States, weights and gradients of one case."""
    adapters.init(backbone)
    names = list(CASES[case])
    for name, config in CASES[case].items():
        backbone.add_adapter(name, config=config)
    if case == "fusion":
        backbone.add_adapter_fusion(Fuse(*names), "dynamic")
        backbone.train_adapter_fusion(Fuse(*names))
    else:
        backbone.train_adapter(names[0])
    weights = dict(named_weights(backbone, case))
    for weight, module in weights.items():
        randomise(module, 0.2 if "fusion" in weight else 0.5, generator)
    backbone.eval()
    states = backbone(
        input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
    ).last_hidden_state
    (states * inputs["direction"]).sum().backward()
    tensors = {"states": states.detach()}
    for name, module in weights.items():
        for end, parameter in module.named_parameters():
            tensors[f"{name}.{end}"] = parameter.detach()
            if parameter.grad is not None:
                tensors[f"{name}.{end}.gradient"] = parameter.grad
    return tensors


def named_weights(backbone: nn.Module, case: str) -> Iterator[tuple[str, nn.Module]]:
    """Every linear map that the package added, under a name that is not its own."""
    for index, layer in backbone.iter_layers():
        if hasattr(layer, "output_adapters"):
            places = {"attention": layer.attention_adapters, "feed_forward": layer.output_adapters}
        else:
            places = {"attention": layer.attention.output, "feed_forward": layer.output}
        for place, found in places.items():
            for adapter in CASES[case]:
                if adapter in found.adapters:
                    bottleneck = found.adapters[adapter]
                    yield f"{index}/{place}/{adapter}/down", bottleneck.adapter_down[0]
                    yield f"{index}/{place}/{adapter}/up", bottleneck.adapter_up
            for fusion in found.adapter_fusion_layer.values():
                for role in ("query", "key", "value"):
                    yield f"{index}/{place}/fusion/{role}", getattr(fusion, role)


def randomise(module: nn.Module, scale: float, generator: torch.Generator) -> None:
    """Weights far enough from zero for every term to show; norms stay near one."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.normal_(0, scale, generator=generator)
            if "norm" in name.lower() and name.endswith("weight"):
                parameter += 1


if __name__ == "__main__":
    main()
