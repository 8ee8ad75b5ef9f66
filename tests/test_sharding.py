"""A model over two ranks trains as it does on one device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from harness.errors import ConfigError
from harness.ranks import available, over_ranks
from harness.sharding import apart
from tests.rank_calls import of, train

CASES: dict[str, dict[str, Any]] = {
    # Batches that do not divide, and one of which a rank has no row.
    "lora": {"backbone": "bert", "method": "lora", "sizes": [8, 5, 1]},
    "full": {"backbone": "gpt2", "method": "full", "recipe": {"optimizer": "sgd"}},
    "parts": {
        "backbone": "llama", "method": "houlsby", "sizes": [8, 5, 3],
        "recipe": {"accumulation": 2, "gradient_checkpointing": True},
    },
    "prompt": {"backbone": "t5", "method": "prompt_tuning"},
    # Weights of both types in one layer.
    "mixed": {"backbone": "llama", "method": "lora", "dtype": "bfloat16"},
    "half": {"backbone": "llama", "method": "full", "dtype": "bfloat16",
             "recipe": {"optimizer": "sgd"}},
}  # fmt: skip
# Of bfloat16's 8 bits, in which weights are held or products computed; else of float32's 24.
CLOSE = {"mixed": 2**-7, "half": 2**-7}


@pytest.fixture(scope="module")
def over_two(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What the cases give on two ranks, and the folder of their weights."""
    folder = tmp_path_factory.mktemp("ranks")
    given = {"count": 2, "cases": CASES, "folder": str(folder)}
    return over_ranks(2, "tests.rank_calls:train_all", given, folder), folder


@pytest.mark.slow
@pytest.mark.cores
@pytest.mark.skipif(available("cpu") < 2, reason="two ranks need two cores")
@pytest.mark.parametrize("name", CASES)
def test_two_ranks_train_as_one_device_does(over_two, name):
    found, folder = over_two[0][name], over_two[1]
    close = CLOSE.get(name, 1e-5)
    method, build, _ = of(CASES[name])
    model = build()
    before = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
    expected = train(CASES[name], model, method)
    assert found["counts"] == expected["counts"]
    assert found["losses"] == pytest.approx(expected["losses"], abs=close)
    for logits, wanted in zip(found["logits"], expected["logits"], strict=True):
        assert logits == pytest.approx(wanted, abs=close)
    weights = load_file(folder / f"{name}.safetensors")
    assert weights.keys() == before.keys()
    after = dict(model.named_parameters())
    for key in before:
        torch.testing.assert_close(weights[key], after[key].detach(), rtol=0, atol=10 * close)
    # In bfloat16 a small step may leave a norm where it was.
    assert sum(not after[key].equal(start) for key, start in before.items()) > len(before) / 2


@pytest.mark.slow
@pytest.mark.cores
@pytest.mark.skipif(available("cpu") < 2, reason="two ranks need two cores")
def test_each_rank_holds_half(over_two):
    # A piece is whole rows: of a tensor of one, the first rank has all.
    assert {name: found["held"] for name, found in over_two[0].items()} == pytest.approx(
        dict.fromkeys(CASES, 0.5), abs=0.02
    )


def test_weight_that_two_layers_share_is_refused():
    model = nn.Module()
    model.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(2))
    paths = ["layers.0", "layers.1"]
    assert apart(model, paths, 2) == list(model.layers)
    model.layers[1].weight = model.layers[0].weight
    told = "train.devices=2: must be 1: layers.0 and layers.1 have one weight in common, weight"
    with pytest.raises(ConfigError, match=told):
        apart(model, paths, 2)
