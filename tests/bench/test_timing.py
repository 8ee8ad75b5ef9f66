from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from harness.bench import timing as bench
from harness.measure.latency import Timing


def replayed(noise: float, **factors: float) -> Timing:
    """400 rounds of subjects that take these multiples of base's time, with noise on each."""
    generator = np.random.default_rng(0)

    def samples(factor: float) -> tuple[int, ...]:
        return tuple((1e7 * factor * np.exp(generator.normal(0, noise, 400))).astype(int))

    subjects = {"base": 1.0, "again": 1.0, "merged": 1.0, "control": 1.03} | factors
    return Timing(
        {name: samples(factor) for name, factor in subjects.items()},
        dict.fromkeys(subjects, 1),
        seed=0,
        repeated=False,
        blocks=tuple(range(400)),
    )


def holds(timing: Timing) -> dict[str, bool]:
    return {name: ratio["holds"] for name, ratio in bench.verdicts(timing).items()}


def test_on_a_quiet_machine_all_of_it_holds() -> None:
    assert holds(replayed(0.02)) == {"again": True, "merged": True, "control": True}


def test_a_null_that_is_off_fails() -> None:
    assert holds(replayed(0.02, merged=1.02)) == {"again": True, "merged": False, "control": True}


def test_a_null_that_noise_makes_wide_fails_though_it_contains_one() -> None:
    found = bench.verdicts(replayed(0.15))["again"]
    assert found["ci_low"] < 1 < found["ci_high"]
    assert found["half_width"] > bench.WIDEST_HALF
    assert not found["holds"]


def test_a_control_that_cannot_be_told_from_one_fails() -> None:
    assert not holds(replayed(0.02, control=1.0))["control"]


def test_the_control_adds_the_share_of_work_that_it_says() -> None:
    multiplied: list[int] = []
    original = torch.Tensor.__matmul__

    def counting(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        multiplied.append(2 * left.numel() * right.shape[1])
        return original(left, right)

    control = bench.subjects(bench.models())[bench.CONTROL]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "__matmul__", counting)
        control()
    layers = [m for m in bench.base_model().modules() if isinstance(m, nn.Linear)]
    work = sum(2 * bench.BATCH * bench.TOKENS * layer.weight.numel() for layer in layers)
    assert multiplied == [pytest.approx(bench.EXTRA_WORK * work, rel=0.001)]


def test_too_few_rounds_do_not_hold_and_the_table_says_so() -> None:
    threads = torch.get_num_threads()
    try:
        found = bench.run(seconds=0, rounds=2, limit_seconds=0.1)
    finally:
        torch.set_num_threads(threads)
    assert found["holds"] is False
    assert found["ratios"]["control"]["ci_low"] is None
    assert found["base_ms"] > 0
    assert sum("too few rounds" in line for line in bench.lines(found)) == 3


def test_rounds_go_on_until_the_intervals_of_the_nulls_are_narrow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passes = iter([replayed(0.15), replayed(0.02), replayed(0.02)])
    monkeypatch.setattr(bench, "models", dict)
    monkeypatch.setattr(bench, "subjects", lambda models: models)
    monkeypatch.setattr(bench, "interleaved", lambda *a, **k: next(passes))
    timing = bench.timed(seconds=1, rounds=1, limit_seconds=60, seed=0)
    assert not bench.precise(replayed(0.15))
    assert bench.precise(timing)
    assert len(timing.blocks) == len(set(timing.blocks)) == len(timing.samples["base"]) > 400


def test_wide_intervals_do_not_go_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "models", dict)
    monkeypatch.setattr(bench, "subjects", lambda models: models)
    monkeypatch.setattr(bench, "interleaved", lambda *a, **k: replayed(0.15))
    assert len(bench.timed(1, 1, limit_seconds=0, seed=0).blocks) == 400
