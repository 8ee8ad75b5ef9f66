"""Where things are in a transformer, found from its structure.

Methods are placed by role (key, value, down projection, …), not by a list of model names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from harness.errors import ConfigError

Hook = Callable[[nn.Module, object, object], None]


@dataclass(frozen=True)
class Layer:
    """The parts of one transformer layer, as module paths within the backbone."""

    path: str
    query: str | None
    key: str | None
    value: str | None
    attention_output: str
    """The linear map that ends the attention."""
    inner: tuple[str, ...]
    """The linear maps into the feed-forward's inner width: up, and gate where there is one."""
    down: str
    """The linear map that ends the feed-forward."""
    closing_norm: str | None = None
    """The norm whose output is the layer's output (post-norm); None in a pre-norm model."""

    @property
    def linears(self) -> tuple[str, ...]:
        """All linear maps of the layer."""
        attention = (self.query, self.key, self.value, self.attention_output)
        return (*(path for path in attention if path), *self.inner, self.down)


def layers(backbone: PreTrainedModel) -> list[Layer]:
    """The layers of a transformer, first to last.

    Raises ConfigError naming what was looked for where the structure is another.
    """
    path, blocks = _stack(backbone)
    found = [_parts(f"{path}.{i}", block) for i, block in enumerate(blocks)]
    norms = _closing_norms(backbone, blocks)
    return [
        replace(layer, closing_norm=f"{layer.path}.{norms[i]}") if i in norms else layer
        for i, layer in enumerate(found)
    ]


def linear_widths(module: nn.Module) -> tuple[int, int] | None:
    """(in, out) of a linear map; None for any other module."""
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    if isinstance(module, Conv1D):
        return module.nx, module.nf
    return None


def _stack(backbone: PreTrainedModel) -> tuple[str, nn.ModuleList]:
    """The list of equal layers whose length the model's config states."""
    depth = getattr(backbone.config, "num_hidden_layers", None)
    for path, module in backbone.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return path, module
    raise ConfigError(
        "model",
        type(backbone).__name__,
        f"no layers found: looked for a module list of num_hidden_layers={depth} layers",
    )


def _parts(path: str, block: nn.Module) -> Layer:
    attention: dict[str, tuple[int, int]] = {}
    forward: dict[str, tuple[int, int]] = {}
    for name, module in block.named_modules():
        widths = linear_widths(module)
        if widths:
            # Attention blocks are called attention, self_attn, attn, SelfAttention, …
            (attention if re.search("att", name, re.IGNORECASE) else forward)[name] = widths
    roles = {name: _role(name.rsplit(".", 1)[-1]) for name in attention}
    ends = [name for name, role in roles.items() if role == "output"]
    downs = [name for name, (wide, narrow) in forward.items() if narrow < wide]
    inner = [name for name, (narrow, wide) in forward.items() if narrow < wide]
    if not ends or len(downs) != 1 or not inner:
        raise ConfigError(
            "model",
            type(block).__name__,
            "no place found in this layer: looked for an attention block with an output"
            " projection, and a feed-forward of projections up and one down; linear maps found:"
            f" {', '.join([*attention, *forward]) or 'none'}",
        )

    def first(role: str) -> str | None:
        return next((f"{path}.{name}" for name in roles if roles[name] == role), None)

    return Layer(
        path=path,
        query=first("query"),
        key=first("key"),
        value=first("value"),
        attention_output=f"{path}.{ends[-1]}",
        inner=tuple(f"{path}.{name}" for name in inner),
        down=f"{path}.{downs[0]}",
    )


def _role(name: str) -> str:
    """The role of a linear map in an attention block, by the habits of the field."""
    fused = re.search(r"qkv|query_key_value|c_attn|in_proj", name)
    if fused:
        return "fused"
    for role, pattern in (("query", "q"), ("key", "k"), ("value", "v")):
        if re.fullmatch(rf"{pattern}|{pattern}_.*|{role}.*", name):
            return role
    return "output"


def _closing_norms(backbone: PreTrainedModel, blocks: nn.ModuleList) -> dict[int, str]:
    """Per layer, the norm whose output the layer hands on, seen in one forward pass."""
    found: dict[int, str] = {}
    produced: dict[int, tuple[str, object]] = {}
    handles = []
    for i, block in enumerate(blocks):
        for name, module in block.named_modules():
            if re.search("norm", type(module).__name__, re.IGNORECASE):
                handles.append(module.register_forward_hook(_remember(produced, i, name)))
        handles.append(block.register_forward_hook(_compare(produced, found, i)))
    # In evaluation on a CPU, bitsandbytes repacks 4-bit weights for good; no gradient passes then.
    training = backbone.training
    backbone.train()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            backbone(input_ids=torch.zeros((1, 2), dtype=torch.long, device=backbone.device))
    finally:
        backbone.train(training)
        for handle in handles:
            handle.remove()
    return found


def _remember(produced: dict[int, tuple[str, object]], i: int, name: str) -> Hook:
    def hook(module: nn.Module, inputs: object, output: object) -> None:
        produced[i] = (name, output)

    return hook


def _compare(produced: dict[int, tuple[str, object]], found: dict[int, str], i: int) -> Hook:
    def hook(module: nn.Module, inputs: object, output: object) -> None:
        output = output[0] if isinstance(output, tuple) else output
        if i in produced and produced[i][1] is output:
            found[i] = produced[i][0]

    return hook
