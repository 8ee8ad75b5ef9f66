"""Bases adapted as a recipe asks: how what is added is held, and what is computed anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from torch import Tensor, nn
from transformers import PreTrainedModel

from harness.config import TrainConfig
from harness.errors import ConfigError
from harness.methods import Method


def for_training(method: Method, backbone: PreTrainedModel, recipe: TrainConfig) -> nn.Module:
    """`method.adapt` of a backbone for training by the recipe; on the meta device too.

    Raises ConfigError where the method or the model cannot do what the recipe asks.
    """
    adapted = _held(method.adapt, backbone, recipe)
    if recipe.gradient_checkpointing:
        _compute_anew(method, backbone)
    return adapted


def for_inference(
    method: Method, backbone: PreTrainedModel, folder: Path, recipe: TrainConfig
) -> nn.Module:
    """`method.restore` of what was trained by the recipe."""
    return _held(partial(method.restore, folder=folder), backbone, recipe)


def outline_for_inference(
    method: Method, backbone: PreTrainedModel, recipe: TrainConfig
) -> nn.Module:
    """The structure that `for_inference` gives, from a backbone without weights."""
    return _held(method.outline_for_inference, backbone, recipe)


def _held(
    adapt: Callable[[PreTrainedModel], nn.Module], backbone: PreTrainedModel, recipe: TrainConfig
) -> nn.Module:
    """What `adapt` makes of a backbone, what it added held as the recipe asks.

    peft itself holds in float32 what it adds to a base in fewer bits. What it copies of the base,
    such as the norms of `ln_tuning`, it holds as the base either way, as is what is trained in
    place.
    """
    base, dtype = list(_tensors(backbone)), backbone.dtype
    adapted = adapt(backbone)
    if not recipe.adapters_in_float32:
        known = {id(tensor) for tensor in base}
        for tensor in _tensors(adapted):
            if id(tensor) not in known and tensor.is_floating_point():
                tensor.data = tensor.data.to(dtype)
    return adapted


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    return chain(model.parameters(), model.buffers())


def _compute_anew(method: Method, backbone: PreTrainedModel) -> None:
    """Let the backward pass compute the layers anew; ConfigError where it would not be the same."""
    field, kind = "train.gradient_checkpointing", type(backbone).__name__
    if method.computed_once is not None:
        raise ConfigError(field, True, f"{method.config.name} {method.computed_once}")
    if not backbone.supports_gradient_checkpointing:
        raise ConfigError(field, True, f"transformers cannot compute layers of {kind} anew")
    # Its newer name is not in all of transformers 5. The reentrant way would need inputs that have
    # gradients, and frozen embeddings give none.
    backbone.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
