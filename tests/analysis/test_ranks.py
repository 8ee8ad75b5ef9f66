from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis.ranks import size_curves, smallest_enough
from harness.analysis.study import Study, studies
from harness.analysis.ties import compare
from harness.store import load
from tests import records


def study(folder: Path, made: list[dict], **options: bool) -> Study:
    (only,) = studies(load(records.write(folder, made, **options)))
    return only


def sized(method: str, qualities: dict[int, float], **changes: object) -> list[dict]:
    return [
        records.record(
            method, size, quality__value=q, quality__ci_low=q - 0.005, quality__ci_high=q + 0.005,
            **changes,
        )
        for size, q in qualities.items()
    ]  # fmt: skip


def test_the_smallest_enough_is_the_first_whose_interval_reaches_the_best(tmp_path: Path) -> None:
    # Half-widths of 0.005: 0.78 and 0.789 overlap, 0.77 and 0.789 do not.
    made = sized("lora", {2: 0.70, 4: 0.77, 8: 0.78, 16: 0.789, 32: 0.785})
    (enough,) = smallest_enough(study(tmp_path, made, with_outcomes=False))
    assert (enough.method, enough.size_field) == ("lora", "rank")
    assert enough.sizes == (2, 4, 8, 16, 32)
    assert (enough.smallest.size, enough.best.size) == (8, 16)
    assert enough.comparison.difference == pytest.approx(0.009)


def test_with_outcomes_the_comparison_is_paired_and_none_smaller_ties(tmp_path: Path) -> None:
    found = study(tmp_path, records.quick(seeds=(0, 1, 2), sizes=(1, 2, 4, 8, 16)))
    for enough, curve in zip(smallest_enough(found), size_curves(found), strict=True):
        tied = [e for e in curve.entries if compare(found, enough.best, e).tied]
        assert enough.smallest is tied[0]
        assert enough.best["quality"].value == max(e["quality"].value for e in curve.entries)


def test_the_best_alone_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    (enough,) = smallest_enough(
        study(tmp_path, sized("lora", {2: 0.7, 4: 0.8}), with_outcomes=False)
    )
    assert enough.smallest is enough.best
    assert enough.comparison is None


def test_less_is_better_where_the_metric_says_so(tmp_path: Path) -> None:
    made = sized("lora", {2: 0.7, 4: 0.6, 8: 0.5}, quality__higher_is_better=False)
    (enough,) = smallest_enough(study(tmp_path, made, with_outcomes=False))
    assert enough.best.size == 8


def test_recipes_have_a_curve_each_and_methods_without_two_sizes_none(tmp_path: Path) -> None:
    made = [
        *(m for steps in (100, 600) for m in sized("lora", {2: 0.7, 4: 0.8},
          config__train__steps=steps)),
        *sized("houlsby", {8: 0.7}),
        records.record("ia3", None),
        records.record("pfeiffer", 8, quality=None),
        records.record("pfeiffer", 16),
    ]  # fmt: skip
    curves = size_curves(study(tmp_path, made, with_outcomes=False))
    assert [curve.name for curve in curves] == ["lora (steps=100)", "lora (steps=600)"]
    assert all([e.size for e in curve.entries] == [2, 4] for curve in curves)


def test_a_learning_rate_chosen_for_each_size_leaves_one_curve(tmp_path: Path) -> None:
    made = [
        *sized("lora", {2: 0.7}, config__train__learning_rate=4e-3),
        *sized("lora", {4: 0.8}, config__train__learning_rate=1e-3),
    ]
    (curve,) = size_curves(study(tmp_path, made))
    assert curve.name == "lora"


def test_two_learning_rates_at_each_size_are_two_curves(tmp_path: Path) -> None:
    made = [
        m
        for rate in (1e-3, 4e-3)
        for m in sized("lora", {2: 0.7, 4: 0.8}, config__train__learning_rate=rate)
    ]
    names = [curve.name for curve in size_curves(study(tmp_path, made))]
    assert names == ["lora (learning_rate=0.001)", "lora (learning_rate=0.004)"]


def test_a_setting_that_follows_the_size_is_told_in_sizes(tmp_path: Path) -> None:
    made = [
        m
        for times in (1, 2)
        for size in (2, 4)
        for m in sized(
            "lora", {size: 0.7},
            config__method__options={"rank": size, "lora_alpha": times * size},
        )
    ]  # fmt: skip
    names = [curve.name for curve in size_curves(study(tmp_path, made))]
    assert names == ["lora (lora_alpha=1 × size)", "lora (lora_alpha=2 × size)"]
