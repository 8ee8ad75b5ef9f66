"""What a base model was pre-trained for: questions about plain text, and the head that answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    PreTrainedConfig,
)
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from harness import own_head
from harness.config import ModelConfig
from harness.errors import HarnessError
from harness.model_folder import SAFELY, model_folder
from harness.models import token_states
from harness.plain_text import FEWEST

UNASKED = -100
"""The answer of a position that is not asked, as torch's cross-entropy leaves it out."""

MASKED_SHARE = 0.15  # Devlin et al. 2019, arXiv 1810.04805, section 3.1
PASSAGES_AT_ONCE = 16
STATES_AT_ONCE = 512  # bounds the memory of their logits over a large vocabulary

Head = Callable[[Tensor], Tensor]
"""Token states [n, width] → logits [n, classes]."""


class NoObjective(HarnessError):
    """Nothing can be asked about the text; the message is the reason."""


@dataclass(frozen=True)
class Passages:
    """Tokens [passages, length], and which of them are special; no passage is padded."""

    input_ids: Tensor
    special: Tensor

    def __getitem__(self, rows: slice) -> Passages:
        return Passages(self.input_ids[rows], self.special[rows])


@dataclass(frozen=True)
class Questions:
    """What a model reads, and the class that each state is to give: both [passages, length]."""

    input_ids: Tensor
    answers: Tensor
    """UNASKED where the state is not asked."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """Questions of each passage, [passages]."""
        counts: NDArray[np.int64] = (self.answers != UNASKED).sum(1).numpy()
        return counts


@dataclass(frozen=True)
class Objective:
    """Questions, and the head that turns a model's states into the logits of their answers."""

    name: str
    questions: Questions
    head: Head

    @torch.inference_mode()
    def losses(self, backbone: nn.Module) -> NDArray[np.float64]:
        """Cross-entropy in nats, summed over the questions of each passage: [passages].

        The head is the same whatever backbone is asked.
        """
        found = []
        asked = self.questions
        for start in range(0, len(asked.answers), PASSAGES_AT_ONCE):
            rows = slice(start, start + PASSAGES_AT_ONCE)
            answers = asked.answers[rows].to(device_of(backbone))
            states = unpadded_states(backbone, asked.input_ids[rows])[answers != UNASKED]
            losses = torch.zeros_like(answers, dtype=torch.float64)
            losses[answers != UNASKED] = self._each(states, answers[answers != UNASKED]).double()
            found.append(losses.sum(1).cpu())
        sums: NDArray[np.float64] = torch.cat(found).numpy()
        return sums

    def _each(self, states: Tensor, answers: Tensor) -> Tensor:
        parts = zip(states.split(STATES_AT_ONCE), answers.split(STATES_AT_ONCE), strict=True)
        losses = [nn.functional.cross_entropy(self.head(s), a, reduction="none") for s, a in parts]
        return torch.cat(losses)


def unpadded_states(backbone: nn.Module, input_ids: Tensor) -> Tensor:
    """States [passages, length, width] of tokens [passages, length], on the backbone's device.

    In float32, as the heads that read them.
    """
    input_ids = input_ids.to(device_of(backbone))
    return token_states(backbone, input_ids, torch.ones_like(input_ids)).float()


def device_of(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


def tokens(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, length: int) -> Passages:
    """Each text cut to `length` tokens, special ones counted; shorter ones are left out.

    Raises NoObjective where too few are long enough.
    """
    encoded = tokenizer(
        list(texts), truncation=True, max_length=length, return_special_tokens_mask=True
    )
    rows = [row for row, ids in enumerate(encoded["input_ids"]) if len(ids) == length]
    if len(rows) < FEWEST:
        raise NoObjective(f"{len(rows)} of {len(texts)} passages have {length} tokens")
    ids, special = (
        torch.tensor([encoded[name][row] for row in rows])
        for name in ("input_ids", "special_tokens_mask")
    )
    return Passages(ids, special.bool())


def own_objective(
    config: ModelConfig, tokenizer: PreTrainedTokenizerBase, passages: Passages, device: str
) -> Objective | None:
    """The model's own objective: `masked_lm` of an encoder, `causal_lm` of a decoder.

    None where the checkpoint lacks a weight of the head, for a head that asks for more than the
    last states, and for encoder-decoders, whose objectives differ from one to the next.
    """
    folder = model_folder(config)
    kind: PreTrainedConfig = AutoConfig.from_pretrained(folder, **SAFELY)
    if kind.is_encoder_decoder:
        return None
    if type(kind) in MODEL_FOR_MASKED_LM_MAPPING and tokenizer.mask_token_id is not None:
        head = _head(AutoModelForMaskedLM, folder, device)
        return head and Objective("masked_lm", masked(passages, tokenizer.mask_token_id), head)
    if type(kind) in MODEL_FOR_CAUSAL_LM_MAPPING:
        head = _head(AutoModelForCausalLM, folder, device)
        return head and Objective("causal_lm", following(passages), head)
    return None


def masked(passages: Passages, mask_id: int) -> Questions:
    """Questions for 15% of the tokens of each passage, the same in every call, one at least.

    What is asked is always masked: BERT's training leaves some of it as it is (80/10/10), which
    would make part of the questions easy.
    """
    generator = torch.Generator().manual_seed(0)
    chosen = torch.zeros_like(passages.special)
    for row, special in enumerate(passages.special):
        places = torch.nonzero(~special).flatten()
        n = max(1, round(MASKED_SHARE * len(places)))
        chosen[row, places[torch.randperm(len(places), generator=generator)[:n]]] = True
    answers = passages.input_ids.masked_fill(~chosen, UNASKED)
    return Questions(passages.input_ids.masked_fill(chosen, mask_id), answers)


def following(passages: Passages) -> Questions:
    """Each state is asked for the token after its own; special ones are not asked for."""
    answers = passages.input_ids.masked_fill(passages.special, UNASKED).roll(-1, 1)
    answers[:, -1] = UNASKED
    return Questions(passages.input_ids, answers)


def _head(auto: Any, folder: Path, device: str) -> Head | None:
    found = own_head.load(auto, folder, torch.float32)
    return found and found.to(device)
