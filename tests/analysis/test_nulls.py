from __future__ import annotations

import pytest

from harness.analysis.nulls import verdict
from harness.analysis.study import studies
from tests import records

ONE = {"value": 1.002, "ci_low": 0.996, "ci_high": 1.008}
OFF = {"value": 1.03, "ci_low": 1.02, "ci_high": 1.04}


def verdict_of(made: list) -> object:
    (study,) = studies(records.frame(made))
    return verdict(study.entries)


def test_nulls_are_the_trained_in_place_and_the_merged() -> None:
    found = verdict_of(records.quick(sizes=(8,)))
    assert {(null.label, null.kind) for null in found.nulls} == {
        ("full", "trained in place / base"),
        ("head", "trained in place / base"),
        ("bitfit", "trained in place / base"),
        ("lora 8", "merged / base"),
        ("ia3", "merged / base"),
    }


def test_one_miss_among_several_is_what_95_percent_allow() -> None:
    made = records.quick(sizes=(8,), latency__unmerged_over_base=ONE)
    made[0] = records.record("full", latency__unmerged_over_base=OFF)
    found = verdict_of(made)
    assert [null.label for null in found.missed] == ["full"]
    assert not found.failed


def test_many_misses_fail() -> None:
    found = verdict_of(records.quick(sizes=(8,), latency__unmerged_over_base=OFF))
    assert {"full", "head", "bitfit"} <= {null.label for null in found.missed}
    assert found.failed


def test_the_noise_is_the_farthest_null_either_way() -> None:
    low = {"value": 0.96, "ci_low": 0.95, "ci_high": 0.97}
    made = [
        records.record("full", latency__unmerged_over_base=OFF),
        records.record("head", latency__unmerged_over_base=low),
    ]
    assert verdict_of(made).noise == pytest.approx(1 / 0.96)


def test_without_an_interval_a_null_neither_holds_nor_fails() -> None:
    bare = {"value": 1.5, "ci_low": None, "ci_high": None}
    found = verdict_of([records.record("full", latency__unmerged_over_base=bare)])
    assert [null.holds for null in found.nulls] == [None]
    assert not found.failed


def test_no_nulls_no_noise() -> None:
    assert verdict_of([records.record("houlsby", 8)]).noise is None
