"""Every kind of task on every family of models, through the phases of a trial."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import trial
from harness.config import TrialConfig
from harness.errors import ConfigError
from tests.own_model import own_text, write_text
from tests.own_tasks import KINDS, write_language_model, write_task

FAMILIES = {"encoder": "bert", "decoder": "llama", "encoder_decoder": "t5"}
METHODS = ["lora", "prompt_tuning", "full", "head", "houlsby"]
FIGURES = {"accuracy": (0, 1), "spearman": (-1, 1), "entity_f1": (0, 1), "exact_match": (0, 1)}


@pytest.fixture
def ran(trial_of: Callable[..., TrialConfig], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The parts of a trial, by phase."""

    def run(name: str, kind: str, method: str, phases: tuple[str, ...], *more: str) -> Any:
        write_language_model(name, tmp_path / "model")
        write_text(tmp_path / "text.txt")
        config = trial_of(
            "model=path", f"model.path={tmp_path}/model", f"method={method}", "device=cpu",
            "train=smoke", "measure=smoke", "measure.latency_rounds=2", "measure.serving=null",
            "train.learning_rate=0.01", *write_task(kind, tmp_path / "data.jsonl"),
            *own_text(tmp_path / "text.txt"), *more,
        )  # fmt: skip
        given = [config.as_dict(), str(tmp_path), [], str(tmp_path / "prepared")]
        return {phase: trial.run(phase, *given) for phase in phases}

    return run


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_kind_is_trained_scored_and_measured(
    family: str, kind: str, method: str, ran: Callable[..., Any], tmp_path: Path
) -> None:
    if (family, kind) == ("encoder", "generation"):
        with pytest.raises(ConfigError, match=r"^task\.kind=generation: asks for a model that"):
            ran(FAMILIES[family], kind, method, ("train",))
        return
    if (kind, method) == ("generation", "head"):
        with pytest.raises(ConfigError, match=r"^method=head: trains a head alone"):
            ran(FAMILIES[family], kind, method, ("train",))
        return
    phases = ("plan", "train", "merge", "memory", "latency")
    found = ran(FAMILIES[family], kind, method, phases)
    quality = found["train"]["quality"]
    low, high = FIGURES[KINDS[kind]]
    assert quality["metric"] == KINDS[kind]
    assert low <= quality["value"] <= high
    outcomes = json.loads((tmp_path / "outcomes.json").read_text())
    assert len(outcomes["ids"]) == quality["n"]
    if (merged := found["merge"]["merge"])["mergeable"]:
        assert merged["max_abs_logit_difference"] < 1e-3
        assert found["merge"]["quality"]["after_merge"] == pytest.approx(quality["value"], abs=0.2)
    assert found["latency"]["latency"]["base"]["median_ms"] > 0
    # The plan runs the same steps on tensors that have no numbers in them.
    for phase in ("train", "inference"):
        planned = found["plan"]["memory"][phase]["predicted"]
        assert planned is not None, found["plan"]["memory"]["unpredicted"]
        actual = found["memory"]["memory"][phase]["allocated_peak"]
        assert planned == pytest.approx(actual, rel=0.05)


@pytest.mark.parametrize("kind", ["tokens", "generation"])
def test_parts_of_a_batch_weigh_as_much_as_they_ask(kind: str, ran: Callable[..., Any]) -> None:
    losses = [
        ran("llama", kind, "lora", ("train",), f"train.accumulation={parts}")["train"]["training"]
        for parts in (1, 4)
    ]
    assert losses[0]["final_loss"] == pytest.approx(losses[1]["final_loss"], rel=1e-4)


@pytest.mark.parametrize("name", ["llama", "t5"])
def test_an_answer_is_learned(name: str, ran: Callable[..., Any]) -> None:
    more = ("train.steps=200", "train.batch_size=16", "train.learning_rate=1e-2")
    found = ran(name, "generation", "full", ("train",), *more)["train"]
    # Every prompt ends with its answer; two answers are right half of the time by chance.
    assert found["training"]["final_loss"] < 0.2
    assert found["quality"]["value"] > 0.7
    assert 0.3 < found["quality"]["majority"] < 0.7
