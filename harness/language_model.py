"""An adapted model that says texts, under the output embedding that it was trained with."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    PreTrainedConfig,
)

from harness import own_head
from harness.config import ModelConfig
from harness.errors import ConfigError
from harness.model_folder import model_folder
from harness.models import TaskModel, architecture, generates, last_places, token_states
from harness.own_head import OwnHead
from harness.tasks.encoded import padded


class LanguageTaskModel(TaskModel):
    """Says what comes next: after each text, or at the places of it that are asked."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__(backbone, head, pooling="last")

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **named: Any) -> Tensor:
        """Logits [batch, places, vocabulary] of the tokens that follow.

        A decoder says what follows the places `asked` [batch, places] of the texts, by default
        their last. An encoder-decoder says what follows each of `decoder_input_ids`
        [batch, places], by default the start of an answer.
        """
        return super().forward(input_ids, attention_mask, **named)

    def features(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        asked: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        **named: Any,
    ) -> Tensor:
        """The states [batch, places, width] of which the head makes logits."""
        config: PreTrainedConfig = self.backbone.config  # type: ignore[assignment]
        if config.is_encoder_decoder:
            if decoder_input_ids is None:
                decoder_input_ids = torch.full_like(input_ids[:, :1], start_of(config))
            named["decoder_input_ids"] = decoder_input_ids
            return token_states(self.backbone, input_ids, attention_mask, **named)
        states = token_states(self.backbone, input_ids, attention_mask, **named)
        if asked is None:
            asked = last_places(attention_mask).unsqueeze(1)
        return states.gather(1, asked.unsqueeze(-1).expand(-1, -1, states.shape[-1]))


class OutputHeads:
    """Makes the head of a model that says texts, for any adapted form of it.

    Raises ConfigError for a model that says none.
    """

    def __init__(self, model: ModelConfig) -> None:
        self.config = architecture(model)
        if not (generates(self.config) or self.config.is_encoder_decoder):
            expected = (
                f"asks for a model that says texts, and {model.name} does not: "
                "take a decoder, an encoder-decoder, or a task of another kind"
            )
            raise ConfigError("task.kind", "generation", expected)
        self._model = model
        self._frozen: OwnHead | None = None

    def of(self, backbone: nn.Module) -> OwnHead:
        """The head for an adapted backbone; trained where the input embedding is trained."""
        if self._frozen is None:
            self._frozen = self._load()
        return head_for(deepcopy(self._frozen), backbone)

    def _load(self) -> OwnHead:
        auto = language_class(self.config)
        folder, dtype = model_folder(self._model), getattr(torch, self._model.dtype)
        found = own_head.load(auto, folder, dtype)
        if found is None:
            expected = "the checkpoint has no output embedding, so that it says no texts"
            raise ConfigError("model.source", folder, expected)
        return found


def language_class(config: PreTrainedConfig) -> Any:
    """The class of transformers that builds a model of this config with its output embedding."""
    return AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM


def head_for(head: OwnHead, backbone: nn.Module) -> OwnHead:
    """`head` on an adapted backbone, tied to its input embedding where it was."""
    base: Any = getattr(backbone, "get_base_model", lambda: backbone)()
    head.follow(base.get_input_embeddings())
    return head


def start_of(config: PreTrainedConfig) -> int:
    """The token that an answer of an encoder-decoder starts with."""
    start: int = config.decoder_start_token_id
    return start


@torch.inference_mode()
def greedy(
    model: LanguageTaskModel, prompts: Sequence[list[int]], most: int, end: int, pad_id: int
) -> list[list[int] | None]:
    """The likeliest token each time, up to `most` of them or to `end`, which is left out.

    None where logits are not finite. Without a cache: answers are short, and what is called is
    then the same for every method, whatever it puts before a text.
    """
    device = next(model.parameters()).device
    said: list[list[int]] = [[] for _ in prompts]
    lost: set[int] = set()
    going = list(range(len(prompts)))
    for _ in range(most):
        logits = model(**_following(model, prompts, said, going, pad_id, device))[:, -1]
        whole = logits.isfinite().all(-1).tolist()
        tokens = logits.argmax(-1).tolist()
        lost |= {row for row, sound in zip(going, whole, strict=True) if not sound}
        for row, token in zip(going, tokens, strict=True):
            said[row].append(token)
        going = [row for row in going if row not in lost and said[row][-1] != end]
        if not going:
            break
    ended = ([token for token in row if token != end] for row in said)
    return [None if place in lost else row for place, row in enumerate(ended)]


def _following(
    model: LanguageTaskModel,
    prompts: Sequence[list[int]],
    said: Sequence[list[int]],
    rows: Sequence[int],
    pad_id: int,
    device: torch.device,
) -> dict[str, Tensor]:
    """What the model is called with to say the next token of these rows."""
    config: PreTrainedConfig = model.backbone.config  # type: ignore[assignment]
    if config.is_encoder_decoder:
        found = padded([prompts[row] for row in rows], pad_id, left=False)
        answers = [[start_of(config), *said[row]] for row in rows]
        found["decoder_input_ids"] = torch.tensor(answers)
    else:
        found = padded([[*prompts[row], *said[row]] for row in rows], pad_id, left=False)
    return {name: tensor.to(device) for name, tensor in found.items()}
