from __future__ import annotations

import pytest

from harness.analysis.prediction import accuracy, predictions, unpredicted
from harness.analysis.study import studies
from tests import records

GIB = 2**30


def rows(*made: dict) -> tuple:
    (only,) = studies(records.frame(list(made)))
    return only.rows


def predicted(size: int, train: float, inference: float, **changes: object) -> dict:
    made = records.record("lora", size, memory__train__allocated_peak=20 * GIB, **changes)
    made["memory"]["inference"]["allocated_peak"] = 10 * GIB
    return records.predicted(made, train, inference)


def test_an_error_is_predicted_over_measured_less_one() -> None:
    train, inference = predictions(rows(predicted(8, 1.25, 0.9)))
    assert (train.phase, train.predicted, train.measured) == ("train", 25 * GIB, 20 * GIB)
    assert train.error == pytest.approx(0.25)
    assert inference.error == pytest.approx(-0.1)


def test_median_and_worst_leave_signs_aside() -> None:
    found = predictions(rows(predicted(4, 1.01, 0.98), predicted(8, 0.9, 1.05)))
    told = accuracy(found)
    assert told is not None
    assert told.n == 4
    assert told.median == pytest.approx((0.02 + 0.05) / 2)
    assert told.worst.error == pytest.approx(-0.1)
    assert told.worst.trial == found[2].trial
    assert told.low == 2


def test_parts_are_those_of_the_measured_peak_of_the_same_pass() -> None:
    made = predicted(8, 1.0, 1.0)
    train, inference = predictions(rows(made))
    for one, name in ((train, "train"), (inference, "inference")):
        assert one.parts == {
            part: made["memory"][name][part]
            for part in ("weights", "gradients", "optimizer", "activations")
        }


def test_what_the_allocator_reserved_stands_beside_and_is_not_compared() -> None:
    made = predicted(8, 1.0, 1.0, memory__train__reserved_peak=23 * GIB)
    train, inference = predictions(rows(made))
    assert train.reserved == 23 * GIB
    assert train.error == 0
    assert inference.reserved is None


def test_a_peak_that_was_not_predicted_or_not_measured_has_no_error() -> None:
    bare, skipped = records.record("lora", 8), records.skipped(method="lora", size=512)
    assert predictions(rows(bare, skipped, records.failed(method="lora", size=64))) == []
    assert accuracy([]) is None


def test_a_trial_without_a_prediction_says_why() -> None:
    given = records.record("qlora", 8, memory__unpredicted="four bits cannot be followed")
    older, made = records.record("lora", 8), predicted(8, 1.0, 1.0)
    del older["memory"]["unpredicted"]
    ended = records.failed(method="lora", size=64)
    assert [unpredicted(row) for row in rows(given, older, made, ended)] == [
        "four bits cannot be followed", "not recorded", "", "",
    ]  # fmt: skip
