"""The capacity group of a record, from methods on a small model."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from harness.measure import capacity as probe
from harness.measure_config import CapacityConfig
from harness.models import TaskModel
from harness.phases import capacity, phases
from harness.training import Batch, step
from harness.trial import check
from harness.workbench import Workbench
from tests import backbones
from tests.backbones import VOCABULARY, build

SETTINGS = CapacityConfig(
    sequences=56, tokens=4, classes=16, steps=6, batch_size=14, rates=(1.0, 3.0)
)


class Bench(Workbench):
    """A workbench without data, on a small BERT with random weights."""

    tokenizer = range(VOCABULARY)  # type: ignore[assignment]  it is asked for its length
    built = 0

    def fresh_backbone(self) -> nn.Module:
        self.built += 1
        return super().fresh_backbone()


@pytest.fixture
def bench_of(trial_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    # A weight in four bits comes in blocks of 64.
    monkeypatch.setattr(backbones, "WIDTH", 64)
    monkeypatch.setattr(backbones, "INNER", 128)
    build("bert").save_pretrained(tmp_path)

    def make(*overrides: str, **settings: Any) -> Bench:
        own = ("model=path", f"model.path={tmp_path}", "model.name=own")
        trial = trial_of("device=cpu", *own, *overrides)
        measure = replace(trial.measure, capacity=replace(SETTINGS, **settings))
        return Bench(replace(trial, measure=measure), tmp_path)

    return make


def test_the_best_of_the_rates_is_kept_and_all_are_told(bench_of: Any) -> None:
    bench = bench_of("method=lora", "size=4", "train.learning_rate=1e-2")
    found = capacity.run(bench)["capacity"]
    assert [tried["learning_rate"] for tried in found["tried"]] == [0.01, pytest.approx(0.03)]
    best = max(found["tried"], key=lambda tried: tried["bits"])
    assert found["bits"] == best["bits"] > 0
    assert found["learning_rate"] == best["learning_rate"]
    assert found["ci_low"] < found["bits"] < found["ci_high"]
    # Two layers with six maps each, A and B.
    assert found["parameters"] == 4 * 2 * (4 * (64 + 64) + 2 * (64 + 128))
    assert found["bits_per_parameter"] == found["bits"] / found["parameters"]
    assert found["ceiling_bits"] == 56 * 4 * 4
    assert not found["at_ceiling"]
    assert found["budget"] == {
        "sequences": 56, "tokens": 4, "classes": 16, "steps": 6, "batch_size": 14,
    }  # fmt: skip


def test_a_method_that_trains_nothing_holds_nothing_and_is_not_run(bench_of: Any) -> None:
    bench = bench_of("method=head")
    found = capacity.run(bench)["capacity"]
    assert bench.built == 0
    assert (found["bits"], found["parameters"], found["bits_per_parameter"]) == (0, 0, None)
    assert "trains nothing" in found["reason"]
    assert found["ceiling_bits"] == 56 * 4 * 4


def test_a_rate_that_diverges_holds_nothing_and_spoils_nothing(bench_of: Any) -> None:
    bench = bench_of("method=full", "train.learning_rate=1e-3", rates=(1.0, 1e30))
    found = capacity.run(bench)["capacity"]
    first, second = found["tried"]
    assert first["reason"] is None
    assert second["bits"] == 0
    assert "not finite" in second["reason"] or "the loss is" in second["reason"]
    assert found["learning_rate"] == first["learning_rate"] == 1e-3
    assert found["bits"] == first["bits"] > 0


def test_what_every_rate_loses_is_no_less_than_nothing(bench_of: Any) -> None:
    found = capacity.run(bench_of("method=full", rates=(1e30,)))["capacity"]
    assert (found["bits"], found["ci_low"], found["ci_high"]) == (0, 0, 0)
    assert found["bits_per_parameter"] == 0
    assert found["reason"] == found["tried"][0]["reason"] is not None


def test_answers_worse_than_uniform_ones_hold_nothing_and_say_so(bench_of: Any) -> None:
    found = capacity.run(bench_of("method=lora", "train.learning_rate=1", rates=(1.0,)))["capacity"]
    assert (found["bits"], found["reason"]) == (0, capacity.WORSE)


def test_methods_see_the_same_batches_under_the_same_read_out(
    bench_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[Any]] = []

    def spy(model: TaskModel, batch: Batch, *rest: Any) -> float:
        read_out = model.head.get_buffer("weight")
        told = [batch["input_ids"].tolist(), batch["labels"].tolist(), read_out.tolist()]
        seen.append([*told, model.training])
        return step(model, batch, *rest)

    monkeypatch.setattr(probe, "step", spy)
    for method in ("lora", "bitfit"):
        capacity.run(bench_of(f"method={method}", rates=(1.0,)))
    assert len(seen) == 12
    assert seen[:6] == seen[6:]
    # Four batches of 14 are all the sequences, once each.
    assert len({tuple(ids) for batch in seen[:4] for ids in batch[0]}) == 56
    assert not any(training for *_, training in seen), "nothing is dropped out"


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_a_base_in_four_bits_is_fitted_as_any_other(bench_of: Any) -> None:
    plain, packed = (
        capacity.run(
            bench_of(
                f"method={method}", "size=4", "train.learning_rate=1e-2", sequences=24, batch_size=8
            )
        )["capacity"]
        for method in ("lora", "qlora")
    )
    assert packed["parameters"] == plain["parameters"]
    assert packed["bits"] == pytest.approx(plain["bits"], rel=0.3)


def test_sequences_beyond_the_context_are_refused_before_any_training(bench_of: Any) -> None:
    short = ("task.max_length=32", "measure.forgetting=null")
    bench = bench_of("method=prompt_tuning", "size=4", *short, tokens=61)
    problems = check({"prompted": bench.trial.as_dict()})["problems"]
    expected = "measure.capacity.tokens=61: exceeds the model's context of 64 tokens with 4 virtual"
    assert problems["prompted"].startswith(expected)


def test_it_is_measured_where_the_config_has_it(trial_of: Any) -> None:
    def names(*overrides: str) -> list[str]:
        return [phase.name for phase in phases(trial_of(*overrides), alone=False)]

    assert "capacity" in names()
    assert "capacity" not in names("measure.capacity=null")
