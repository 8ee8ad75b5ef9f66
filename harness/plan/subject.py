"""What is traced: an adapted model under its head, on the meta device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoModel,
    PreTrainedConfig,
    PreTrainedModel,
)

from harness.adapting import for_training, outline_for_inference
from harness.errors import ConfigError
from harness.language_model import LanguageTaskModel, head_for, language_class
from harness.methods import Method, Trained, load_method
from harness.methods.anatomy import layers
from harness.models import TaskModel, generates, outline, shifted
from harness.own_head import OwnHead
from harness.plan.quantised import quantise
from harness.plan.request import Request
from harness.tasks.encoded import IGNORED
from harness.tasks.kind import cross_entropy
from harness.training import Loss


@dataclass(frozen=True)
class Subject:
    """A model of which nothing has weights yet."""

    method: Method
    backbone: PreTrainedModel
    """As the method found it, and changed it in place."""
    model: TaskModel | LanguageModel
    loss: Loss
    layers: tuple[str, ...]
    """Paths of the layers in `backbone`; none where they are not found."""


class LanguageModel(nn.Module):
    """An adapted model that says the next token."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Identity()  # methods train a head beside what they add; here is none

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **named: Any) -> Tensor:
        """Logits [batch, length, vocabulary]; virtual tokens put before the text come first."""
        tokens = {"input_ids": input_ids, "attention_mask": attention_mask, **named}
        config: Any = self.backbone.config
        if config.is_encoder_decoder and "decoder_input_ids" not in named:
            tokens["decoder_input_ids"] = shifted(input_ids, config.decoder_start_token_id)
        logits: Tensor = self.backbone(**tokens).logits
        return logits


def subject(request: Request, config: PreTrainedConfig, inference: bool = False) -> Subject:
    """The adapted model of an architecture, for training or as it is restored for inference.

    Raises ConfigError where the method is not defined for the model.
    """
    sources = [Trained(name, method, Path()) for name, method in request.sources.items()]
    method = load_method(request.method, sources)
    backbone = outline(request.model, config, auto_class(request, config))
    if method.quantization is not None:
        backbone = quantise(backbone, method.quantization)
    found = _layers(backbone)
    adapt = outline_for_inference if inference else for_training
    try:
        adapted = adapt(method, backbone, request.train)
    except NotImplementedError as error:  # torch's, where numbers of the meta device are read
        expected = "starts from the numbers of the model's weights, and a plan has none"
        raise ConfigError("method", request.method.name, expected) from error
    if says_tokens(request, config):
        trained = any(parameter.requires_grad for parameter in adapted.parameters())
        if not trained and not inference:
            expected = (
                "trains a head alone, and what says tokens has none: objective=classification"
            )
            raise ConfigError("method", request.method.name, expected)
    with torch.device("meta"):
        model, loss = headed(request, config, adapted)
    return Subject(method, backbone, model, loss, found)


def headed(
    request: Request, config: PreTrainedConfig, adapted: nn.Module
) -> tuple[TaskModel | LanguageModel, Loss]:
    """An adapted model under what the objective asks it for, and its loss."""
    if says_tokens(request, config):
        return LanguageModel(adapted), _token_loss(follows=not config.is_encoder_decoder)
    if request.objective == "answers":
        head = OwnHead(outline(request.model, config, language_class(config)))
        return LanguageTaskModel(adapted, head_for(head, adapted)), cross_entropy
    linear = nn.Linear(config.hidden_size, request.classes)
    if request.objective == "tags":
        return TaskModel(adapted, linear, pooling=None), cross_entropy
    return TaskModel(adapted, linear, request.model.pooling), nn.functional.cross_entropy


def auto_class(request: Request, config: PreTrainedConfig) -> Any:
    """The class of transformers that builds what the objective needs."""
    if not says_tokens(request, config):
        return AutoModel
    return language_class(config)


def says_tokens(request: Request, config: PreTrainedConfig) -> bool:
    """Whether the loss is of the next token; raises ConfigError for a model that says none."""
    able = generates(config) or config.is_encoder_decoder
    if request.objective in ("language", "answers") and not able:
        expected = f"{request.model.name} is an encoder: objective=classification or tags"
        raise ConfigError("objective", request.objective, expected)
    return able and request.objective in (None, "language")


def _layers(backbone: PreTrainedModel) -> tuple[str, ...]:
    try:
        return tuple(layer.path for layer in layers(backbone))
    except ConfigError:  # methods that need them say so themselves
        return ()


def _token_loss(follows: bool) -> Loss:
    """Mean cross-entropy of logits [batch, length, vocabulary] on tokens [batch, length].

    The labels are the texts: a decoder alone says at each token the one that `follows` it, as
    transformers' own loss has it.
    """

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        before = logits.shape[1] - labels.shape[1]
        labels = nn.functional.pad(labels, (before, 0), value=IGNORED)
        if follows:
            labels = nn.functional.pad(labels, (0, 1), value=IGNORED)[:, 1:]
        # The labels are shifted, and not the logits, which are the largest tensor here.
        rows = logits.view(-1, logits.shape[-1])
        return nn.functional.cross_entropy(rows, labels.reshape(-1), ignore_index=IGNORED)

    return loss
