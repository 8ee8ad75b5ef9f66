"""The head that a checkpoint brings along, without the transformer below it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from harness.model_folder import SAFELY


class OwnHead(nn.Module):
    """What a model of transformers computes of the last states of its transformer."""

    def __init__(self, model: PreTrainedModel) -> None:
        """`model` is consumed: the transformer is taken out of it."""
        super().__init__()
        inputs, outputs = model.get_input_embeddings(), model.get_output_embeddings()
        # As it was loaded: a config may say otherwise, such as that of a T5 with two embeddings.
        self.tied = outputs is not None and outputs.weight is inputs.weight
        self._dtype = model.dtype
        self._below = _Given()
        # An encoder-decoder may hold its two halves without one module around them.
        prefix = model.base_model_prefix
        for name in [prefix] if hasattr(model, prefix) else ["encoder", "decoder", "shared"]:
            setattr(model, name, self._below)
        self.model = model

    def forward(self, states: Tensor) -> Tensor:
        """Logits [..., vocabulary] of states [..., width]."""
        self._below.states = states.to(self._dtype).reshape(1, -1, states.shape[-1])
        logits: Tensor = self.model().logits
        self._below.states = None
        return logits.reshape(*states.shape[:-1], -1)

    def follow(self, embedding: nn.Module) -> None:
        """Be trained where the input embedding of a backbone is trained.

        Where the two are tied, what is read is the weight of `embedding` itself.
        """
        if self.tied:
            self.model.set_output_embeddings(_Tied(embedding))
        weight: Any = embedding.weight
        self.requires_grad_(weight.requires_grad)


def load(auto: Any, folder: Path, dtype: torch.dtype) -> OwnHead | None:
    """The head of the checkpoint, frozen, on the CPU; None where it lacks a weight of it.

    `auto` is the class of transformers that has the head, such as AutoModelForCausalLM.
    """
    model: PreTrainedModel
    # transformers leaves what is tied to an embedding out of the missing keys.
    model, told = auto.from_pretrained(
        folder, dtype=dtype, use_safetensors=True, output_loading_info=True, **SAFELY
    )
    if told["missing_keys"] or told["mismatched_keys"]:
        return None
    return OwnHead(model).requires_grad_(False).eval()


class _Tied(nn.Module):
    """A linear map whose weight is another module's."""

    def __init__(self, embedding: nn.Module) -> None:
        super().__init__()
        # Not registered: it is no second parameter, and is saved with the module that it is of.
        self._embedding = (embedding,)

    def forward(self, states: Tensor) -> Tensor:
        return nn.functional.linear(states, self._embedding[0].weight)  # type: ignore[arg-type]


class _Given(nn.Module):
    """Stands in for the transformer below a head, with states that were computed elsewhere."""

    states: Tensor | None = None

    def forward(self, *inputs: object, **named: object) -> _Outputs:
        return _Outputs(self.states)

    @property
    def decoder(self) -> _Given:
        """OPT's head asks its model's decoder."""
        return self


class _Outputs:
    """What a head asks of its transformer: the last states, and none of the rest."""

    def __init__(self, states: Tensor | None) -> None:
        self.last_hidden_state = states

    def __getitem__(self, place: int) -> Tensor | None:
        return (self.last_hidden_state,)[place]

    def __getattr__(self, name: str) -> None:
        return None
