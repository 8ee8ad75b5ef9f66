"""A linear read-out of the next token from a base's states, for models without a head of their own.

It stands in for the objective of pre-training. What it loses after training is what could be
read from the base's states and no longer lies where it was.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.pretraining import (
    PASSAGES_AT_ONCE,
    UNASKED,
    NoObjective,
    Objective,
    Passages,
    Questions,
    device_of,
    following,
    unpadded_states,
)
from harness.tasks import probe

CLASSES = 16
"""The commonest tokens: enough to tell contexts apart, few enough for a fit on thousands."""


def readout_objective(base: nn.Module, passages: Passages) -> Objective:
    """Fitted to convergence on one half of the passages, to be asked about the other half.

    Of the first half a quarter chooses the penalty. Raises NoObjective for a text of one token,
    such as one of words that the tokenizer does not know, and RuntimeError where the fit does not
    converge.
    """
    half = len(passages.input_ids) // 2
    fitted = half - half // 4
    asked = following(passages)
    classes = _commonest(asked.answers[:fitted])
    if len(classes) < 2:
        raise NoObjective("the tokenizer sees a single token in the whole text")
    answers = _numbered(asked.answers, classes)
    parts = [Questions(asked.input_ids[rows], answers[rows])
             for rows in (slice(fitted), slice(fitted, half))]  # fmt: skip
    arguments = [array for part in parts for array in _examples(base, part)]
    found = probe.fit(*(array.numpy() for array in arguments))
    device = device_of(base)
    weight = torch.tensor(found.weight, dtype=torch.float64, device=device)
    bias = torch.tensor(found.bias, dtype=torch.float64, device=device)

    def head(states: Tensor) -> Tensor:
        return states.double() @ weight.T + bias

    return Objective("next_token_readout", Questions(asked.input_ids[half:], answers[half:]), head)


def _commonest(answers: Tensor) -> Tensor:
    """The most frequent answers, sorted: [CLASSES] or as many as there are."""
    tokens, counts = answers[answers != UNASKED].unique(return_counts=True)
    return tokens[counts.argsort(descending=True, stable=True)[:CLASSES]].sort().values


def _numbered(answers: Tensor, classes: Tensor) -> Tensor:
    """Answers as places in `classes`; those that are not in it are not asked."""
    places = torch.searchsorted(classes, answers).clamp(max=len(classes) - 1)
    return places.where(classes[places] == answers, torch.tensor(UNASKED))


@torch.inference_mode()
def _examples(base: nn.Module, asked: Questions) -> tuple[Tensor, Tensor]:
    """States [n, width] and classes [n] of all questions."""
    wanted = asked.answers != UNASKED
    pairs = zip(
        asked.input_ids.split(PASSAGES_AT_ONCE), wanted.split(PASSAGES_AT_ONCE), strict=True
    )
    states = [unpadded_states(base, ids).cpu()[rows] for ids, rows in pairs]
    return torch.cat(states), asked.answers[wanted]
