"""A model's own objective against the losses that transformers computes itself."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, OPTConfig

from harness.assets import fetch
from harness.config import ModelConfig, Source
from harness.models import load_tokenizer
from harness.plain_text import passages
from harness.pretraining import UNASKED, Objective, Passages, following, masked, own_objective
from harness.pretraining import tokens as as_tokens
from tests.backbones import CONTEXT, VOCABULARY, WIDTH, build

MASK = 3
WITH_MASK = SimpleNamespace(mask_token_id=MASK)


def some(n: int = 20, length: int = 40) -> Passages:
    """Random tokens between two special ones."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(4, VOCABULARY, (n, length), generator=generator)
    special = torch.zeros_like(ids, dtype=torch.bool)
    special[:, [0, -1]] = True
    return Passages(ids, special)


def kept(folder: Path, auto: Any, config: Any) -> tuple[ModelConfig, Any]:
    """A random model with its head on disk, large enough weights to have opinions."""
    torch.manual_seed(0)
    model = auto.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    return ModelConfig("mine", Source("path", path=str(folder)), "mean"), model


def opt() -> OPTConfig:
    return OPTConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, word_embed_proj_dim=WIDTH, ffn_dim=64,
        num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=CONTEXT,
    )  # fmt: skip


def per_question(objective: Objective, model: torch.nn.Module) -> float:
    return float(objective.losses(model).sum() / objective.questions.counts.sum())


def test_uniform_logits_cost_the_logarithm_of_the_number_of_classes():
    questions = following(some())
    objective = Objective("uniform", questions, lambda states: torch.zeros(len(states), VOCABULARY))
    sums = objective.losses(build("bert"))
    assert sums / questions.counts == pytest.approx(math.log(VOCABULARY))


@pytest.mark.parametrize("name", ["bert", "distilbert"])
def test_masked_loss_is_that_of_the_library(tmp_path, name):
    config, model = kept(tmp_path, AutoModelForMaskedLM, build(name).config)
    objective = own_objective(config, WITH_MASK, some(), "cpu")
    asked = masked(some(), MASK)
    reference = model(input_ids=asked.input_ids, labels=asked.answers).loss.item()
    assert objective.name == "masked_lm"
    assert abs(reference - math.log(VOCABULARY)) > 0.05
    assert per_question(objective, AutoModel.from_pretrained(tmp_path).eval()) == pytest.approx(
        reference, rel=1e-5
    )


@pytest.mark.parametrize("name", ["llama", "gpt2", "opt"])
def test_next_token_loss_is_that_of_the_library(tmp_path, name):
    kind = opt() if name == "opt" else build(name).config
    config, model = kept(tmp_path, AutoModelForCausalLM, kind)
    text = some()
    objective = own_objective(config, WITH_MASK, text, "cpu")
    # The library shifts by itself.
    labels = text.input_ids.masked_fill(text.special, UNASKED)
    reference = model(input_ids=text.input_ids, labels=labels).loss.item()
    assert objective.name == "causal_lm"
    assert abs(reference - math.log(VOCABULARY)) > 0.05
    assert per_question(objective, AutoModel.from_pretrained(tmp_path).eval()) == pytest.approx(
        reference, rel=1e-5
    )


def test_long_passages_over_a_large_vocabulary_are_answered_in_parts(tmp_path, monkeypatch):
    config, _ = kept(tmp_path, AutoModelForCausalLM, build("llama").config)
    objective = own_objective(config, WITH_MASK, some(), "cpu")
    backbone = AutoModel.from_pretrained(tmp_path).eval()
    whole = objective.losses(backbone)
    monkeypatch.setattr("harness.pretraining.STATES_AT_ONCE", 7)
    monkeypatch.setattr("harness.pretraining.PASSAGES_AT_ONCE", 3)
    assert objective.losses(backbone) == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("name", ["bert", "llama", "t5", "bart"])
def test_head_that_is_not_in_the_checkpoint_is_not_made_up(tmp_path, name):
    build(name).save_pretrained(tmp_path)
    config = ModelConfig("mine", Source("path", path=str(tmp_path)), "mean")
    assert own_objective(config, WITH_MASK, some(), "cpu") is None


def test_head_that_is_tied_to_the_embeddings_is_in_the_checkpoint(tmp_path):
    backbone = build("gpt2")
    backbone.save_pretrained(tmp_path)
    config = ModelConfig("mine", Source("path", path=str(tmp_path)), "mean")
    objective = own_objective(config, WITH_MASK, some(), "cpu")
    states = torch.randn(5, WIDTH)
    torch.testing.assert_close(objective.head(states), states @ backbone.wte.weight.T)


def test_encoder_without_a_mask_token_has_no_objective(tmp_path):
    config, _ = kept(tmp_path, AutoModelForMaskedLM, build("distilbert").config)
    assert own_objective(config, SimpleNamespace(mask_token_id=None), some(), "cpu") is None


def test_15_percent_of_a_passage_is_masked_and_nothing_special():
    text = some(length=42)
    asked = masked(text, MASK)
    chosen = asked.answers != UNASKED
    assert set(asked.counts) == {6}
    assert not (chosen & text.special).any()
    assert (asked.input_ids[chosen] == MASK).all()
    assert torch.equal(asked.answers[chosen], text.input_ids[chosen])
    assert torch.equal(asked.input_ids[~chosen], text.input_ids[~chosen])
    assert torch.equal(masked(text, MASK).answers, asked.answers)
    places = chosen.nonzero()[:, 1]
    assert len(places.unique()) > 20, "each passage has masks of its own"


def test_the_next_token_is_asked_for():
    text = Passages(torch.tensor([[1, 5, 6, 7, 2]]), torch.tensor([[1, 0, 0, 0, 1]]).bool())
    assert following(text).answers.tolist() == [[5, 6, 7, UNASKED, UNASKED]]


@pytest.mark.network
def test_loss_of_bert_tiny_is_that_of_the_library(trial_of):
    trial = trial_of("sweep=smoke")
    settings, tokenizer = trial.measure.forgetting, load_tokenizer(trial.model)
    text = as_tokens(passages(settings), tokenizer, settings.tokens)
    objective = own_objective(trial.model, tokenizer, text, "cpu")
    folder = fetch(trial.model.source)
    asked = masked(text, tokenizer.mask_token_id)
    with torch.inference_mode():
        library = AutoModelForMaskedLM.from_pretrained(folder).eval()
        reference = library(input_ids=asked.input_ids, labels=asked.answers).loss.item()
    assert per_question(objective, AutoModel.from_pretrained(folder).eval()) == pytest.approx(
        reference, rel=1e-5
    )
