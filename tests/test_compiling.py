"""What torch compiles: counted, once for all shapes, and nothing where it is not wanted."""

from __future__ import annotations

from importlib import util

import pytest
import torch
from torch import Tensor, nn

from harness.compiling import Compilations, as_written, compile_calls, require_compiler
from harness.config import TrainConfig
from harness.errors import ConfigError
from harness.trial import check

RECIPE = {"steps": 1, "batch_size": 2, "learning_rate": 1e-3, "warmup": 0.0, "weight_decay": 0.0,
          "clip_norm": 1.0, "eval_batch_size": 1}  # fmt: skip


class Map(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 4)

    def forward(self, given: Tensor) -> Tensor:
        return self.linear(given).tanh()


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """A map whose calls are traced into graphs, without a C++ compiler at the end."""
    real = nn.Module.compile
    monkeypatch.setattr(
        nn.Module, "compile", lambda self, **named: real(self, backend="aot_eager", **named)
    )
    model = Map()
    compile_calls(model)
    return model


def test_one_graph_serves_batches_of_every_size_and_nothing_is_renamed(compiled):
    with Compilations() as found:
        for rows in (5, 2, 7):
            given = torch.randn(rows, 3)
            torch.testing.assert_close(compiled(given), compiled.forward(given))
    assert found.number == 1
    assert found.figures() == {"compilations": 1, "compile_seconds": found.seconds}
    assert 0 < found.seconds < 600
    assert set(compiled.state_dict()) == {"linear.weight", "linear.bias"}


def test_calls_that_are_asked_for_as_written_compile_nothing(compiled):
    with Compilations() as found, as_written():
        compiled(torch.randn(5, 3))
    assert found.number == 0


def test_what_is_compiled_before_and_after_is_not_counted(compiled):
    with Compilations() as found:
        pass
    compiled(torch.randn(5, 3))
    assert (found.number, found.seconds) == (0, 0.0)


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("cpu", r"train.compile=True: needs a C\+\+ compiler; there is no absent-c\+\+ \(CXX\)"),
        (
            "cuda",
            r"train.compile=True: needs a C compiler for triton; there is no absent-cc \(CC\)",
        ),
    ],
)
def test_compiler_that_is_not_there_is_named(monkeypatch, device, expected):
    monkeypatch.setenv("CXX", "absent-c++")
    monkeypatch.setenv("CC", "absent-cc")
    monkeypatch.setattr("harness.compiling.find_spec", lambda name: util.find_spec("json"))
    with pytest.raises(ConfigError, match=expected):
        require_compiler(device)


def test_gpu_without_triton_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr("harness.compiling.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="needs triton, which is not installed"):
        require_compiler("cuda")


@pytest.mark.network
def test_sweep_is_told_at_its_door(trial_of, monkeypatch):
    monkeypatch.setenv("CXX", "absent-c++")
    trial = trial_of("model=bert_tiny", "device=cpu", "train.compile=true")
    (problem,) = check({"trial": trial.as_dict()})["problems"].values()
    assert problem.startswith("train.compile=True: needs a C++ compiler")


def test_recipe_over_several_devices_is_refused():
    with pytest.raises(ConfigError, match="compile=True: is of one device: devices=1, not 2"):
        TrainConfig(**RECIPE, devices=2, compile=True)


def test_trial_that_compiles_nothing_has_the_config_that_it_had(trial_of):
    assert "compile" not in trial_of("train.compile=false").as_dict()["train"]
    assert trial_of("train.compile=true").as_dict()["train"]["compile"] is True
