"""What can be asked of a plan, and what cannot."""

from __future__ import annotations

import pytest

from harness.errors import ConfigError
from harness.plan.request import request_of
from tests.plan.composed import composed
from tests.shipped import CONF


def test_keys_of_the_command_reach_the_recipe_and_the_model():
    request = request_of(
        composed(
            "method=lora", "size=4", "batch_size=6", "seq_len=100", "dtype=float32",
            "optimizer=sgd", "accumulation=3", "gradient_checkpointing=true", "autocast=true",
            "adapters_in_float32=false", "devices=8",
        )
    )  # fmt: skip
    train = request.train
    assert (train.batch_size, train.accumulation, train.optimizer) == (6, 3, "sgd")
    assert (train.gradient_checkpointing, train.autocast) == (True, True)
    assert not train.adapters_in_float32
    assert (request.model.dtype, request.seq_len, request.devices) == ("float32", 100, 8)


def test_adapters_that_a_method_builds_on_come_along():
    request = request_of(
        composed("method=adapter_fusion", "method.adapters=[bbc_news,rotten_tomatoes]")
    )
    assert {task: method.name for task, method in request.sources.items()} == {
        "bbc_news": "pfeiffer", "rotten_tomatoes": "pfeiffer",
    }  # fmt: skip


@pytest.mark.parametrize("objective", ["language", "answers", "classification", "tags"])
def test_every_objective_is_taken_and_told_in_config_and_help(objective):
    assert request_of(composed(f"objective={objective}")).objective == objective
    for file in ("plan.yaml", "hydra/help/plan.yaml"):
        lines = (CONF / file).read_text("utf-8").partition("objective")[2].splitlines()
        assert objective in " ".join(lines[:5])


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["seq_len=0"], "seq_len=0"),
        (["devices=0"], "devices=0"),
        (
            ["objective=regression"],
            "objective=regression: should be 'language', 'answers', 'classification' or 'tags'",
        ),
        (["dtype=float16"], "model.dtype=float16"),
        (["optimizer=adam"], "train.optimizer=adam"),
        (["batch_size=4", "accumulation=3"], "accumulation=3: must divide train.batch_size=4"),
        (["autocast=true"], "train.autocast=True: computes with weights in float32"),
        (["reserved=true", "device=cpu"], "reserved=True: is of a GPU's allocator"),
        (["reserved=true", "devices=2"], "reserved=True: is known of one device alone"),
        (["method=lora", "size=4", "budget=1%"], "budget=1%: contradicts size=4"),
        (["objective=tags", "answer_len=2"], "answer_len=2: is of objective=answers"),
        (["objective=answers", "answer_len=0"], "answer_len=0"),
        (["budget=lots"], "budget=lots: must be a share"),
    ],
)
def test_what_contradicts_itself_names_field_and_value(overrides, told):
    with pytest.raises(ConfigError) as error:
        request_of(composed(*overrides))
    assert told in str(error.value)
