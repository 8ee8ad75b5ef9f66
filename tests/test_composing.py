"""Jobs composed alike are, to the last value, those that Hydra composes one by one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from harness import entry
from harness.errors import ConfigError
from hydra_plugins import peft_harness


def basic(self: Any, config: DictConfig, **kwargs: Any) -> None:
    """Leaves Hydra's own sweeper and launcher in their places."""


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The configs of a command line, or what Hydra itself makes of it."""

    def call(*arguments: str, own: bool = False) -> list[DictConfig]:
        monkeypatch.setattr(sys, "argv", ["harness", f"results={tmp_path}", *arguments])
        with monkeypatch.context() as patched:
            if own:
                patched.setattr(entry.Collecting, "on_multirun_start", basic)
            return entry.asked("config").configs

    return call


def plain(configs: list[DictConfig]) -> list[Any]:
    """Values as they are written, which refer to each other."""
    return [OmegaConf.to_container(cfg) for cfg in configs]


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "seed=range(2)", "train.learning_rate=1e-3,0.5"),
        ("-m", "method=lora,ia3", "size=null,4"),
        ("-m", "method=lora", "method.lora_alpha=8,16", "method.target_modules=[query],[value]"),
        ("-m", "task.drop={category: [x]},{category: [y, z]}"),
        ("-m", "train.steps=${seed},7", "seed=3,5"),
        ("-m", "task.text=a,'b c','${model.name}'", "task.labels=null,[x]"),
        ("-m", "train={steps: 3}", "train.steps=5,6"),
        ("-m", "train.steps=5,6", "train={steps: 3},{steps: 4}"),
        ("-m", "+train.new=1,2"),
        ("-m", "~task.labels", "seed=0,1"),
        ("-m", "model=minilm,bert_tiny", "method=houlsby,peft/vera", "seed=1"),
        ("sweep=smoke", "seed=0,1", "size=4"),
    ],
)
def test_the_configs_are_those_of_hydra(swept: Any, arguments: tuple[str, ...]) -> None:
    expected, found = swept(*arguments, own=True), swept(*arguments)
    assert len(found) > 1
    assert plain(found) == plain(expected)


def test_jobs_that_differ_in_values_are_composed_once(
    swept: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    composed = []

    def counted(self: Any, overrides: Any) -> DictConfig:
        composed.append(list(overrides))
        return real(self, overrides)

    real = peft_harness.Launcher._composed
    monkeypatch.setattr(peft_harness.Launcher, "_composed", counted)
    assert len(swept("-m", "method=lora,ia3", "size=1,2,3", "seed=range(5)")) == 30
    assert [each[1] for each in composed] == ["method=lora", "method=ia3"]


def test_no_config_is_another_ones(swept: Any) -> None:
    first, second = swept("-m", "seed=0,1")
    first.train.steps = 12345
    assert second.train.steps != 12345


@pytest.mark.parametrize("argument", ["train.stps=3,4", "method=lorra,lora", "metod=a,b"])
def test_what_hydra_refuses_is_refused_in_the_same_words(swept: Any, argument: str) -> None:
    told = []
    for own in (True, False):
        with pytest.raises(ConfigError) as raised:
            swept("-m", argument, own=own)
        told.append(str(raised.value))
    assert told[0] == told[1]


@pytest.mark.parametrize("own", [True, False])
def test_a_job_can_ask_hydra_which_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: bool
) -> None:
    results = f"results={tmp_path}"
    monkeypatch.setattr(sys, "argv", ["harness", "-m", results, "seed=0,1"])
    if own:
        monkeypatch.setattr(entry.Collecting, "on_multirun_start", basic)
    asked = entry.asked("config")
    assert [cfg.seed for cfg in asked.configs] == [0, 1]
    assert asked.overrides == [[results, "seed=0"], [results, "seed=1"]]
    assert asked.launcher == "basic"
