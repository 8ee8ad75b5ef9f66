"""Where things are in a transformer, found from its structure.

Methods are placed by role (key, value, down projection, …), not by a list of model names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from harness.errors import ConfigError

# What configs of encoder-decoders call the number of their decoder's layers.
DECODER_DEPTHS = ("num_decoder_layers", "decoder_layers")

Hook = Callable[[nn.Module, object, object], None]


@dataclass(frozen=True)
class Attention:
    """The linear maps of one attention block."""

    query: str | None
    key: str | None
    value: str | None
    fused: str | None
    """The one map that gives queries, keys and values at once, where there is such a one."""
    output: str
    """The linear map that ends the block."""

    @property
    def linears(self) -> tuple[str, ...]:
        places = (self.query, self.key, self.value, self.fused, self.output)
        return tuple(path for path in places if path)


@dataclass(frozen=True)
class Layer:
    """The parts of one transformer layer, as module paths within the backbone."""

    path: str
    attention: Attention
    cross: Attention | None
    """The attention of a decoder's layer to the encoder's states."""
    inner: tuple[str, ...]
    """The linear maps into the feed-forward's inner width: up, and gate where there is one."""
    down: str
    """The linear map that ends the feed-forward."""
    closing_norm: str | None = None
    """The norm whose output is the layer's output (post-norm); None in a pre-norm model.

    `with_closing_norms` finds it; None before that.
    """

    @property
    def attentions(self) -> tuple[Attention, ...]:
        return (self.attention, self.cross) if self.cross else (self.attention,)

    @property
    def linears(self) -> tuple[str, ...]:
        """All linear maps of the layer."""
        attention = [path for block in self.attentions for path in block.linears]
        return (*attention, *self.inner, self.down)


def layers(backbone: PreTrainedModel) -> list[Layer]:
    """The layers of a transformer, first to last, an encoder's before its decoder's.

    Raises ConfigError naming what was looked for where the structure is another.
    """
    return [
        _parts(f"{path}.{i}", block)
        for path, stack in _stacks(backbone)
        for i, block in enumerate(stack)
    ]


def with_closing_norms(backbone: PreTrainedModel, found: list[Layer]) -> list[Layer]:
    """The layers with the norms that close them, seen in a pass through the structure."""
    closing = _closing_norms(backbone, [layer.path for layer in found])
    return [replace(layer, closing_norm=closing.get(layer.path)) for layer in found]


def linear_widths(module: nn.Module) -> tuple[int, int] | None:
    """(in, out) of a linear map; None for any other module."""
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    if isinstance(module, Conv1D):
        return module.nx, module.nf
    return None


def is_norm(module: nn.Module) -> bool:
    """Whether a module is a norm, which models have classes of their own for."""
    return re.search("norm", type(module).__name__, re.IGNORECASE) is not None


def norms(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Names and modules of the norms within a module."""
    return ((name, inner) for name, inner in module.named_modules() if is_norm(inner))


def dry_run(backbone: PreTrainedModel, watch: Callable[[nn.Module], None]) -> None:
    """One forward pass of the same structure without weights, after `watch` has hooked into it.

    A pass through the model itself would cost time, and quantised weights change with their first
    use.
    """
    with torch.device("meta"):
        outline = type(backbone)(deepcopy(backbone.config))
        tokens = {"input_ids": torch.zeros((1, 2), dtype=torch.long)}
    if backbone.config.is_encoder_decoder:
        tokens["decoder_input_ids"] = tokens["input_ids"]
    outline.set_attn_implementation("eager")  # others look into masks, which have no values here
    watch(outline)
    with torch.no_grad():
        outline(**tokens)


def _stacks(backbone: PreTrainedModel) -> list[tuple[str, nn.ModuleList]]:
    """The lists of equal layers whose lengths the model's config states."""
    config = backbone.config
    depths = {"num_hidden_layers": config.num_hidden_layers}
    halves = [""]
    if config.is_encoder_decoder:
        halves = ["encoder.", "decoder."]
        depths |= {n: getattr(config, n) for n in DECODER_DEPTHS if hasattr(config, n)}
    found = []
    for half in halves:
        for path, module in backbone.named_modules():
            listed = path.startswith(half) and isinstance(module, nn.ModuleList)
            if listed and len(module) in depths.values():
                found.append((path, module))
                break
    if len(found) == len(halves):
        return found
    stated = ", ".join(f"{name}={depth}" for name, depth in depths.items())
    raise ConfigError(
        "model",
        type(backbone).__name__,
        f"no layers found: looked for a module list as long as {stated}"
        + (" under encoder and decoder" if config.is_encoder_decoder else ""),
    )


def _parts(path: str, block: nn.Module) -> Layer:
    attentions: dict[str, list[str]] = {}
    forward: dict[str, tuple[int, int]] = {}
    for name, module in block.named_modules():
        widths = linear_widths(module)
        # Attention blocks are called attention, self_attn, attn, SelfAttention, …
        inside = re.match(r"(.*?att[^.]*)\.", name, re.IGNORECASE)
        if widths and inside:
            attentions.setdefault(inside[1], []).append(name)
        elif widths:
            forward[name] = widths
    downs = [name for name, (wide, narrow) in forward.items() if narrow < wide]
    inner = [name for name, (narrow, wide) in forward.items() if narrow < wide]
    found = {name: _attention(path, linears) for name, linears in attentions.items()}
    blocks = {name: block for name, block in found.items() if block}
    # … and those to an encoder's states crossattention, encoder_attn, EncDecAttention, …
    crossing = {name for name in blocks if re.search("cross|enc", name, re.IGNORECASE)}
    own = [block for name, block in blocks.items() if name not in crossing]
    cross = [block for name, block in blocks.items() if name in crossing]
    placed = len(own) == 1 and len(cross) <= 1 and len(downs) == 1 and inner
    if not placed or len(blocks) < len(found):
        listed = [name for names in attentions.values() for name in names] + list(forward)
        raise ConfigError(
            "model",
            type(block).__name__,
            "no place found in this layer: looked for an attention block with an output"
            " projection, and a feed-forward of projections up and one down; linear maps found:"
            f" {', '.join(listed) or 'none'}",
        )
    return Layer(
        path=path,
        attention=own[0],
        cross=cross[0] if cross else None,
        inner=tuple(f"{path}.{name}" for name in inner),
        down=f"{path}.{downs[0]}",
    )


def _attention(path: str, linears: list[str]) -> Attention | None:
    """The block made of these linear maps of the layer at `path`; None if it has no end."""
    roles = {f"{path}.{name}": _role(name.rsplit(".", 1)[-1]) for name in linears}
    ends = [place for place, role in roles.items() if role == "output"]

    def first(role: str) -> str | None:
        return next((place for place in roles if roles[place] == role), None)

    if not ends:
        return None
    query, key, value, fused = map(first, ("query", "key", "value", "fused"))
    return Attention(query, key, value, fused, ends[-1])


def _role(name: str) -> str:
    """The role of a linear map in an attention block, by the habits of the field."""
    fused = re.search(r"qkv|query_key_value|c_attn|in_proj", name)
    if fused:
        return "fused"
    for role, pattern in (("query", "q"), ("key", "k"), ("value", "v")):
        if re.fullmatch(rf"{pattern}|{pattern}_.*|{role}.*", name):
            return role
    return "output"


def _closing_norms(backbone: PreTrainedModel, paths: list[str]) -> dict[str, str]:
    """By a layer's path, the norm whose output the layer hands on."""
    found: dict[str, str] = {}
    produced: dict[str, tuple[str, object]] = {}

    def watch(outline: nn.Module) -> None:
        for path in paths:
            block = outline.get_submodule(path)
            for name, module in norms(block):
                module.register_forward_hook(_remember(produced, path, f"{path}.{name}"))
            block.register_forward_hook(_compare(produced, found, path))

    dry_run(backbone, watch)
    return found


def _remember(produced: dict[str, tuple[str, object]], layer: str, name: str) -> Hook:
    def hook(module: nn.Module, inputs: object, output: object) -> None:
        produced[layer] = (name, output)

    return hook


def _compare(produced: dict[str, tuple[str, object]], found: dict[str, str], layer: str) -> Hook:
    def hook(module: nn.Module, inputs: object, output: object) -> None:
        output = output[0] if isinstance(output, tuple) else output
        if layer in produced and produced[layer][1] is output:
            found[layer] = produced[layer][0]

    return hook
