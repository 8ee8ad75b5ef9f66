"""The read-out that stands in for an objective where a model has no head."""

from __future__ import annotations

import math

import pytest
import torch

from harness.pretraining import UNASKED, NoObjective, Passages, following
from harness.readout import readout_objective
from tests.backbones import build, disturb
from tests.test_pretraining import some


def chain(n: int = 64, length: int = 30) -> Passages:
    """Texts whose every token tells the next: 4 → 7 → 10 → …, in a ring of twelve tokens."""
    starts = torch.arange(n)[:, None] % 12
    ids = 4 + 3 * ((starts + torch.arange(length)) % 12)
    return Passages(ids, torch.zeros_like(ids, dtype=torch.bool))


@pytest.mark.parametrize("name", ["bert", "llama", "t5"])
def test_what_the_states_hold_is_read_and_is_lost_when_they_move(name):
    base = build(name)
    objective = readout_objective(base, chain())
    counts = objective.questions.counts
    before = objective.losses(base).sum() / counts.sum()
    base.requires_grad_(True)
    disturb(base)
    after = objective.losses(base).sum() / counts.sum()
    assert objective.name == "next_token_readout"
    assert before < 0.1 * math.log(12)
    assert after > before + 1


def test_where_nothing_can_be_read_the_loss_is_that_of_guessing():
    objective = readout_objective(build("bert"), some(n=96))
    sums, counts = objective.losses(build("bert")), objective.questions.counts
    # Sixteen random tokens of about equal frequency.
    assert sums.sum() / counts.sum() == pytest.approx(math.log(16), rel=0.15)


def test_text_of_words_that_are_not_known_is_not_asked_about():
    unknown = Passages(torch.ones(20, 30, dtype=torch.long), torch.zeros(20, 30).bool())
    with pytest.raises(NoObjective, match="a single token in the whole text"):
        readout_objective(build("bert"), unknown)


def test_the_half_that_is_asked_about_is_not_the_half_that_is_fitted():
    text = some(n=40)
    asked = readout_objective(build("bert"), text).questions
    assert torch.equal(asked.input_ids, text.input_ids[20:])
    known = asked.answers != UNASKED
    # Classes are numbers of the commonest tokens, of which there are sixteen.
    assert set(asked.answers[known].tolist()) <= set(range(16))
    tokens = following(text).answers[20:]
    for number in asked.answers[known].unique():
        assert len(tokens[asked.answers == number].unique()) == 1
