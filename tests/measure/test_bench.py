from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from harness.measure import bench
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

    control = bench.subjects()[bench.CONTROL]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "__matmul__", counting)
        control()
    layers = [m for m in bench.base_model().modules() if isinstance(m, nn.Linear)]
    work = sum(2 * bench.BATCH * bench.TOKENS * layer.weight.numel() for layer in layers)
    assert multiplied == [pytest.approx(bench.EXTRA_WORK * work, rel=0.001)]


def test_the_last_line_is_one_json_object_and_too_few_rounds_do_not_hold(
    capsys: pytest.CaptureFixture[str],
) -> None:
    threads = torch.get_num_threads()
    try:
        status = bench.main(["--seconds", "0", "--rounds", "2"])
    finally:
        torch.set_num_threads(threads)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert status == 1
    assert found["holds"] is False
    assert found["ratios"]["control"]["ci_low"] is None
    assert found["base_ms"] > 0
