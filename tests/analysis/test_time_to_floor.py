from __future__ import annotations

import pytest

from harness.analysis.estimate import Estimate
from harness.analysis.study import Study, studies
from harness.analysis.time_to_floor import steps_to, time_to_floor
from tests import further, records

CURVE = ((10, 0.60), (30, 0.71), (50, 0.69), (100, 0.80))


@pytest.mark.parametrize(
    ("level", "steps"), [(0.5, 10), (0.60, 10), (0.61, 30), (0.70, 30), (0.72, 100), (0.81, None)]
)
def test_the_first_step_that_is_as_good_counts(level: float, steps: int | None) -> None:
    assert steps_to(level, CURVE) == steps
    assert steps_to(level, CURVE[::-1]) == steps


def test_where_less_is_better_the_curve_falls_to_the_level() -> None:
    falling = [(step, -quality) for step, quality in CURVE]
    assert steps_to(-0.70, falling, higher_is_better=False) == 30


def study(curves: list, floor: float | None = 0.70, step_ms: float | None = 200.0) -> Study:
    made = [further.measured(records.record("lora", 8, seed)) for seed in range(len(curves))]
    for row, curve in zip(made, curves, strict=True):
        row["training"]["curve"] = curve and [
            {"step": step, "validation": validation} for step, validation in curve
        ]
        row["training"]["seconds_per_step"] = step_ms and {"median_ms": step_ms}
    head = records.record("head", quality__validation=floor, quality__value=0.7)
    (only,) = studies(records.frame([*made, head]))
    return only


def lora(of: Study) -> Estimate:
    return time_to_floor(of, next(e for e in of.entries if e.method == "lora"))


def test_steps_times_the_seconds_of_a_step() -> None:
    assert lora(study([CURVE])).value == pytest.approx(30 * 0.2)


def test_seeds_are_pooled() -> None:
    later = [(10, 0.1), (50, 0.75)]
    assert lora(study([CURVE, later])).value == pytest.approx((30 + 50) / 2 * 0.2)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (study([CURVE], floor=0.9), "validation stays worse than the floor's for all 100 steps"),
        (study([CURVE, [(50, 0.1)]]), "in 1 of 2 seeds validation stays worse than the floor's"),
        (study([None]), "no validation curve was recorded"),
        (study([[(10, None)]]), "no validation curve was recorded"),
        (study([CURVE], floor=None), "the floor has no validation quality"),
        (study([CURVE], step_ms=None), "seconds per step: not recorded"),
    ],
)
def test_without_a_time_there_is_a_reason(made: Study, reason: str) -> None:
    assert lora(made).reason.startswith(reason)


def test_the_floor_itself_and_a_study_without_one_have_none() -> None:
    with_floor = study([CURVE])
    assert time_to_floor(with_floor, with_floor.floor).reason == "it is the floor"
    (without,) = studies(records.frame([records.record("lora", 8)]))
    assert time_to_floor(without, without.entries[0]).reason == "no floor to compare with"
