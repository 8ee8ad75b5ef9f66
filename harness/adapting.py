"""Bases adapted as a recipe asks: how what is added is held, and what is computed anew."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from harness.config import TrainConfig
from harness.errors import ConfigError
from harness.methods import Method


def for_training(method: Method, backbone: PreTrainedModel, recipe: TrainConfig) -> nn.Module:
    """`method.adapt` of a backbone for training by the recipe; on the meta device too.

    Raises ConfigError where the method or the model cannot do what the recipe asks.
    """
    held = list(_tensors(backbone))
    adapted = method.adapt(backbone)
    _hold_added(adapted, held, recipe)
    if recipe.gradient_checkpointing:
        _compute_anew(method, backbone)
    return adapted


def for_inference(
    method: Method, backbone: PreTrainedModel, folder: Path, recipe: TrainConfig
) -> nn.Module:
    """`method.restore` of what was trained by the recipe."""
    held = list(_tensors(backbone))
    adapted = method.restore(backbone, folder)
    _hold_added(adapted, held, recipe)
    return adapted


def outline_for_inference(
    method: Method, backbone: PreTrainedModel, recipe: TrainConfig
) -> nn.Module:
    """The structure that `for_inference` gives, from a backbone without weights."""
    held = list(_tensors(backbone))
    adapted = method.outline_for_inference(backbone)
    _hold_added(adapted, held, recipe)
    return adapted


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    return chain(model.parameters(), model.buffers())


def _hold_added(adapted: nn.Module, held: list[Tensor], recipe: TrainConfig) -> None:
    """Bring all numbers that are none of the base's `held` to the type that the recipe asks for."""
    dtype = torch.float32 if recipe.adapters_in_float32 else adapted.dtype
    known = {id(tensor) for tensor in held}
    for tensor in _tensors(adapted):
        if id(tensor) not in known and tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype)


def _compute_anew(method: Method, backbone: PreTrainedModel) -> None:
    """Let the backward pass compute the layers anew; ConfigError where it would not be the same."""
    field, kind = "train.gradient_checkpointing", type(backbone).__name__
    if method.computed_once is not None:
        raise ConfigError(field, True, f"{method.config.name} {method.computed_once}")
    if not backbone.supports_gradient_checkpointing:
        raise ConfigError(field, True, f"transformers cannot compute layers of {kind} anew")
    # The other way needs inputs with gradients, and frozen embeddings give none.
    backbone.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
