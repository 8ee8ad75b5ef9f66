"""Each switch of how a training step is computed: it is on, and the record's config says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from transformers.models.llama.modeling_llama import LlamaAttention

from harness import trial
from harness.config import TrialConfig
from tests.backbones import LAYERS
from tests.own_model import write_model, write_table

STEPS, BATCH = 2, 8
PASSES = STEPS * LAYERS


@pytest.fixture
def train(trial_of: Callable[..., TrialConfig], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The groups of the train phase of a tiny trial with a switch set, and its config."""
    write_model(tmp_path / "model", "llama")  # which drops nothing by chance
    write_table(tmp_path / "data.csv")

    def call(*switches: str) -> dict[str, Any]:
        config = trial_of(
            "model=path", f"model.path={tmp_path}/model", "task=csv", "task.max_length=16",
            f"task.path={tmp_path}/data.csv", "method=lora", "train=smoke", "measure=smoke",
            f"train.steps={STEPS}", f"train.batch_size={BATCH}", "train.learning_rate=0.01",
            "task.limit={train:56}", "device=cpu", *switches,
        ).as_dict()  # fmt: skip
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return trial.run("train", config, str(folder), [], str(tmp_path / "prepared")) | config

    return call


@pytest.fixture
def seen() -> Iterator[list[tuple[int, torch.dtype]]]:
    """Texts at once, and the type of what was computed, of each call of an attention in training;
    those of a backward pass that computes layers anew among them.
    """
    found: list[tuple[int, torch.dtype]] = []

    def look(module: nn.Module, _: Any, output: Any) -> None:
        if isinstance(module, LlamaAttention) and module.training:
            states: Tensor = output[0]
            found.append((len(states), states.dtype))

    hook = register_module_forward_hook(look)
    yield found
    hook.remove()


@pytest.mark.parametrize(
    ("group", "switch", "value", "calls"),
    [
        ("train", "autocast", False, [(BATCH, torch.float32)] * PASSES),
        ("train", "autocast", True, [(BATCH, torch.bfloat16)] * PASSES),
        ("model", "dtype", "bfloat16", [(BATCH, torch.bfloat16)] * PASSES),
        ("train", "gradient_checkpointing", True, [(BATCH, torch.float32)] * 2 * PASSES),
        ("train", "accumulation", 4, [(BATCH // 4, torch.float32)] * 4 * PASSES),
    ],
)
def test_a_step_is_computed_as_the_switch_says(train, seen, group, switch, value, calls):
    left = train(f"{group}.{switch}={str(value).lower()}")
    assert seen == calls
    assert left[group][switch] == value


def test_precision_of_what_a_method_adds_is_that_of_the_switch(train, monkeypatch):
    held = []
    monkeypatch.setattr(
        "harness.phases.train.fit",
        lambda model, *_: held.append(
            {p.dtype for n, p in model.named_parameters() if "lora" in n}
        ),
    )
    for value in ("true", "false"):
        with pytest.raises(AttributeError):  # there is no log
            train("model.dtype=bfloat16", f"train.adapters_in_float32={value}")
    assert held == [{torch.float32}, {torch.bfloat16}]


@pytest.mark.slow
def test_compiled_steps_train_as_those_that_are_written_do(train, monkeypatch):
    # Graphs are made as always, and run without the minutes that compiling C++ may take.
    real = nn.Module.compile
    monkeypatch.setattr(
        nn.Module, "compile", lambda self, **named: real(self, backend="aot_eager", **named)
    )
    found, expected = train("train.compile=true", "train.steps=6"), train("train.steps=6")
    # Of whatever length the batches are: one graph, and one more where a size equals another.
    assert found["training"]["compilations"] in (1, 2)
    assert 0 < found["training"]["compile_seconds"] < found["training"]["seconds"]
    assert found["train"]["compile"]
    loss = expected["training"]["final_loss"]
    assert found["training"]["final_loss"] == pytest.approx(loss, rel=1e-3)
    assert found["quality"]["n"] == expected["quality"]["n"]
    assert "compilations" not in expected["training"]
