"""Task models: pooling, and what a head reads when a prompt is in front."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from transformers import BartForSequenceClassification

from harness.config import ModelConfig, Source
from harness.errors import ConfigError
from harness.models import TaskModel, load_backbone, outline, pool, shifted, token_states
from tests.backbones import build, states

STATES = torch.arange(2 * 4 * 3, dtype=torch.float32).reshape(2, 4, 3)
RIGHT = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
LEFT = torch.tensor([[1, 1, 1, 1], [0, 0, 1, 1]])


def test_mean_leaves_padding_out():
    assert pool(STATES, RIGHT, "mean").tolist() == [[4.5, 5.5, 6.5], [13.5, 14.5, 15.5]]


def test_first_is_the_first_token():
    assert pool(STATES, RIGHT, "first").tolist() == [[0, 1, 2], [12, 13, 14]]


@pytest.mark.parametrize(("mask", "second"), [(RIGHT, [15, 16, 17]), (LEFT, [21, 22, 23])])
def test_last_is_the_last_token_that_is_no_padding(mask, second):
    assert pool(STATES, mask, "last").tolist() == [[9, 10, 11], second]


@pytest.mark.parametrize("backbone", ["bert", "distilbert", "llama", "gpt2", "t5", "bart"])
@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_padding_does_not_change_the_logits(backbone, pooling):
    model = TaskModel(build(backbone), nn.Linear(32, 2), pooling).eval()
    ids = torch.tensor([[5, 6, 7]])
    padded = torch.tensor([[5, 6, 7, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 0, 0]])
    torch.testing.assert_close(model(padded, mask), model(ids, torch.ones_like(ids)))


def test_decoder_of_an_encoder_decoder_reads_the_text_one_token_later():
    ids = torch.tensor([[5, 6, 7], [8, 9, 0]])
    assert shifted(ids, start=2).tolist() == [[2, 5, 6], [2, 8, 9]]


def test_encoder_decoder_is_read_at_its_decoder_as_in_its_own_library():
    # BartForSequenceClassification pools at the end token; its head reads what "last" gives.
    backbone = build("bart")
    ids = torch.tensor([[5, 6, 7, 2]])  # 2 is BART's end token
    reference = BartForSequenceClassification(backbone.config).eval()
    reference.model.load_state_dict(backbone.state_dict())
    head = nn.Sequential(reference.classification_head.dense, nn.Tanh(),
                         reference.classification_head.out_proj)  # fmt: skip
    model = TaskModel(backbone, head, "last").eval()
    mask = torch.ones_like(ids)
    torch.testing.assert_close(model(ids, mask), reference(ids, mask).logits)


@pytest.mark.parametrize("method", ["full", "prompt_tuning", "prefix_tuning", "lora", "houlsby"])
@pytest.mark.parametrize("name", ["t5", "bart"])
def test_first_state_of_a_decoder_is_that_of_the_whole_text(name, method, method_of):
    adapted = method_of(method).adapt(build(name)).eval()
    ids = torch.tensor([[5, 6, 7, 8], [9, 4, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    found = TaskModel(adapted, nn.Identity(), "first")(ids, mask)
    torch.testing.assert_close(found, token_states(adapted, ids, mask)[:, 0])
    reads = []
    decoder = next(m for n, m in adapted.named_modules() if n.endswith("decoder"))
    decoder.register_forward_pre_hook(
        lambda _, given, named: reads.append(named["input_ids"].shape[1]), with_kwargs=True
    )
    TaskModel(adapted, nn.Identity(), "first")(ids, mask)
    assert reads == [1]


def test_positions_of_a_prompt_are_no_tokens_of_the_text(method_of):
    adapted = method_of("prompt_tuning", "size=4").adapt(build("bert")).eval()
    ids, mask = torch.tensor([[5, 6, 7]]), torch.ones(1, 3, dtype=torch.long)
    all_states = adapted(input_ids=ids, attention_mask=mask).last_hidden_state
    assert all_states.shape == (1, 4 + 3, 32)
    model = TaskModel(adapted, nn.Identity(), "mean")
    torch.testing.assert_close(model(ids, mask), all_states[:, 4:].mean(1))
    unpooled = TaskModel(adapted, nn.Identity(), pooling=None)
    torch.testing.assert_close(unpooled(ids, mask), all_states[:, 4:])


@pytest.fixture
def saved(tmp_path) -> ModelConfig:
    build("bert").save_pretrained(tmp_path)
    return ModelConfig("mine", Source("path", path=str(tmp_path)), "mean")


def test_own_model_is_loaded_from_its_path(saved):
    torch.testing.assert_close(states(load_backbone(saved).eval()), states(build("bert")))


def test_outline_has_the_structure_and_no_memory(saved):
    found = outline(saved)
    assert {p.device.type for p in found.parameters()} == {"meta"}
    assert [n for n, _ in found.named_parameters()] == [
        n for n, _ in load_backbone(saved).named_parameters()
    ]


def test_model_is_held_as_its_config_says_and_read_in_float32(saved):
    model = replace(saved, dtype="bfloat16")
    backbone = load_backbone(model).eval()
    assert {p.dtype for p in (*backbone.parameters(), *outline(model).parameters())} == {
        torch.bfloat16
    }
    found = TaskModel(backbone, nn.Linear(32, 2), "mean")
    ids = torch.tensor([[5, 6, 7]])
    features = found.features(ids, torch.ones_like(ids))
    own = backbone(ids).last_hidden_state.float().mean(1)
    torch.testing.assert_close(features, own)  # float32, and the mean taken in it
    assert found(ids, torch.ones_like(ids)).dtype == torch.float32


def test_folder_without_a_model_is_refused(tmp_path):
    model = ModelConfig("mine", Source("path", path=str(tmp_path)), "mean")
    with pytest.raises(ConfigError, match=r"model.source=.*: holds no config.json"):
        load_backbone(model)


def test_pickled_weights_are_not_loaded(tmp_path):
    build("bert").save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(build("bert").state_dict(), tmp_path / "pytorch_model.bin")
    model = ModelConfig("mine", Source("path", path=str(tmp_path)), "mean")
    with pytest.raises(ConfigError, match=r"holds no \*.safetensors"):
        load_backbone(model)
