"""Bits held, against tables and models for which the answer is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import log2
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import BertModel

from harness.config import TrainConfig
from harness.isolation import Failure
from harness.measure.capacity import SPREAD, ReadOut, Targets, at_ceiling, draw, fit, held, total
from harness.measure.statistics import Interval
from harness.methods import load_method
from harness.models import TaskModel
from tests.backbones import build

RECIPE = TrainConfig(
    steps=60, batch_size=16, learning_rate=0.5, warmup=0.0, weight_decay=0.0, clip_norm=1.0,
    eval_batch_size=16,
)  # fmt: skip


class Table(nn.Module):
    """Logits by token; tokens share the entry that `entry_of` gives, and -1 gives none."""

    def __init__(self, entry_of: Tensor, classes: int) -> None:
        super().__init__()
        self.entry_of = entry_of
        self.entries = nn.Parameter(torch.randn(len(entry_of), classes))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        entry = self.entry_of[input_ids]
        return self.entries[entry] * (entry >= 0).unsqueeze(-1)


def numbered(classes: int, sequences: int = 32, tokens: int = 8) -> Targets:
    """Random labels of tokens that occur once each, so that a table can tell them apart."""
    drawn = draw(2, sequences, tokens, classes, seed=0)
    return replace(drawn, input_ids=torch.arange(sequences * tokens).view(sequences, tokens))


def bits_of(table: Table, targets: Targets) -> float:
    adam = torch.optim.Adam(table.parameters(), lr=RECIPE.learning_rate)
    return float(fit(table, targets, adam, RECIPE, seed=0).sum())


@pytest.mark.parametrize("classes", [2, 16, 300])
def test_a_table_with_an_entry_for_every_label_holds_every_bit(classes: int) -> None:
    targets = numbered(classes)
    found = bits_of(Table(torch.arange(256), classes), targets)
    assert targets.ceiling == 256 * log2(classes)
    assert found == pytest.approx(targets.ceiling, rel=5e-3)
    assert found <= targets.ceiling
    assert at_ceiling(found, targets)


@pytest.mark.parametrize("entries", [64, 128])
def test_a_table_with_entries_for_some_labels_holds_the_bits_of_those(entries: int) -> None:
    targets = numbered(classes=16)
    some = torch.arange(256).where(torch.arange(256) < entries, -1)
    found = bits_of(Table(some, 16), targets)
    assert found == pytest.approx(entries * log2(16), rel=5e-3)
    assert not at_ceiling(found, targets)


def test_a_table_whose_entries_serve_two_labels_holds_those_that_agree() -> None:
    # Of two classes, one entry knows both labels (2 bits) or can only answer uniformly (0).
    targets = numbered(classes=2)
    pairs = targets.labels.view(-1, 2)
    agreeing = int((pairs[:, 0] == pairs[:, 1]).sum())
    found = bits_of(Table(torch.arange(256) // 2, 2), targets)
    assert found == pytest.approx(2 * agreeing, rel=1e-2)


def test_an_untrained_table_holds_nothing_however_it_starts() -> None:
    targets = numbered(classes=16)
    table = Table(torch.arange(256), 16)
    still = torch.optim.SGD(table.parameters(), lr=0.0)
    assert fit(table, targets, still, RECIPE, seed=0).tolist() == [0] * 32


class Unheard(nn.Module):
    """A model with a parameter that is trained and changes no logit."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.trained = nn.Parameter(torch.ones(1))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.model(input_ids, attention_mask) + 0 * self.trained


def test_a_frozen_model_under_the_read_out_holds_nothing(tiny_bert: BertModel) -> None:
    targets = draw(100, 20, 4, classes=16, seed=0)
    frozen = TaskModel(tiny_bert.requires_grad_(False), ReadOut(32, 16, seed=0), pooling=None)
    model = Unheard(frozen.eval())
    adam = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)
    per_sequence = fit(model, targets, adam, RECIPE, seed=0)
    assert model.trained.item() < 1, "the steps were taken"
    assert per_sequence.tolist() == [0] * 20


def test_the_read_out_has_nothing_to_train_and_logits_of_one_spread() -> None:
    read_out = ReadOut(width=384, classes=256, seed=0)
    assert not list(read_out.parameters())
    for scale in (0.01, 100):
        logits = read_out(scale * torch.randn(500, 384))
        assert logits.std().item() == pytest.approx(SPREAD, rel=0.02)


def adapted_bits(trial_of: Any, method: str, rate: float, **recipe: Any) -> np.ndarray:
    """Bits per sequence that a method holds on a small model; read once for a seed."""
    method_ = load_method(trial_of(f"method={method.split()[0]}", *method.split()[1:]).method)
    backbone = build("bert")
    torch.manual_seed(0)
    model = TaskModel(method_.adapt(backbone), ReadOut(32, 64, seed=0), pooling=None).eval()
    targets = draw(101, 64, 4, classes=64, seed=0)
    settings = replace(RECIPE, steps=40, batch_size=32, learning_rate=rate, **recipe)
    return fit(model, targets, method_.optimizer(model, settings), settings, seed=0)


def test_uniform_answers_hold_nothing_of_any_label() -> None:
    labels = torch.tensor([[0, 1, 2, 3]])
    assert held(torch.full((1, 4, 4), 7.0), labels).tolist() == [[0, 0, 0, 0]]


def test_bits_follow_from_the_probability_of_the_label() -> None:
    # 1/2 of four classes is one bit better than 1/4, 1/8 one bit worse, 1 two bits better.
    probabilities = torch.tensor([[[1 / 2, 1 / 4, 1 / 8, 1 / 8], [1, 0, 0, 0]]])
    logits = probabilities.log()
    assert held(logits, torch.tensor([[0, 0]]))[0].tolist() == pytest.approx([1, 2])
    assert held(logits, torch.tensor([[2, 0]]))[0].tolist() == pytest.approx([-1, 2])


def test_more_rank_holds_more_bits(trial_of: Any) -> None:
    found = [adapted_bits(trial_of, f"lora size={rank}", rate=0.01) for rank in (1, 4, 16)]
    ordered = [total(bits, seed=0) for bits in found]
    for less, more in pairwise(ordered):
        assert less.ci_high is not None
        assert more.ci_low is not None
        assert less.ci_high < more.ci_low
    assert not at_ceiling(ordered[-1].value, draw(101, 64, 4, classes=64, seed=0))


def test_the_same_seed_finds_the_same_bits(trial_of: Any) -> None:
    first, again = (adapted_bits(trial_of, "lora size=4", rate=0.01) for _ in range(2))
    assert first.tolist() == again.tolist()


def test_a_fit_that_diverges_says_so(trial_of: Any) -> None:
    with pytest.raises(Failure, match=r"not finite|nan"):
        adapted_bits(trial_of, "full", rate=1e30)


def test_bits_are_summed_over_sequences_and_never_below_those_of_uniform_answers() -> None:
    per_sequence = np.array([1.0, 3.0] * 40)
    found = total(per_sequence, seed=0)
    assert found.value == 160
    assert found.ci_low is not None
    assert found.ci_high is not None
    # Standard error of the sum: 1 bit of spread in each of 80 sequences.
    assert (found.ci_high - found.ci_low) / 2 == pytest.approx(1.96 * 80**0.5, rel=0.1)
    assert total(-per_sequence, seed=0) == Interval(0, 0, 0)


def test_few_sequences_carry_no_interval() -> None:
    assert total(np.ones(49), seed=0) == Interval(49, None, None)


def test_targets_are_those_of_the_seed() -> None:
    one, again, other = (draw(1000, 30, 40, classes=256, seed=s) for s in (3, 3, 4))
    assert one.input_ids.tolist() == again.input_ids.tolist()
    assert one.labels.tolist() == again.labels.tolist()
    assert one.labels.tolist() != other.labels.tolist()
    assert set(one.labels.unique().tolist()) <= set(range(256))
    # Of 1200 draws from 256 classes, 2.3 are expected to be missing.
    assert len(one.labels.unique()) > 245
