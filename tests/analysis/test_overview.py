from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import rankdata

from harness.analysis.overview import MOST, NOT_RUN, Across, Overview, across
from harness.analysis.study import studies
from harness.store import load
from tests import records

Made = list[dict[str, Any]]
Sides = Callable[[Made], Overview]


def made(task: str, qualities: dict[tuple[str, int | None], float], **changes: Any) -> Made:
    """Qualities that are told apart where they differ by more than 0.02."""
    return [
        records.record(
            method, size, task=task, quality__value=q, quality__ci_low=q - 0.01,
            quality__ci_high=q + 0.01, **changes,
        )
        for (method, size), q in qualities.items()
    ]  # fmt: skip


@pytest.fixture
def side_by_side(tmp_path: Path) -> Sides:
    def held(rows: Made) -> Overview:
        return across(studies(load(records.write(tmp_path, rows, with_outcomes=False))))

    return held


@pytest.fixture
def found(side_by_side: Sides) -> Overview:
    rows = made("one", {("lora", 4): 0.70, ("lora", 8): 0.80, ("houlsby", 8): 0.79})
    rows += made("two", {("lora", 8): 0.90, ("houlsby", 8): 0.60, ("pfeiffer", 8): 0.70})
    rows.append(records.failed("diverged", "the loss is nan", method="lora", size=4, task="two"))
    return side_by_side(rows)


def by_label(overview: Overview) -> dict[str, Across]:
    return {row.label: row for row in overview.rows}


def at(overview: Overview, task: str) -> int:
    return [study.task for study in overview.studies].index(task)


def test_a_configuration_is_the_same_method_and_size_in_all_studies(found: Overview) -> None:
    rows = by_label(found)
    assert set(rows) == {"lora 4", "lora 8", "houlsby 8", "pfeiffer 8"}
    one, two = at(found, "one"), at(found, "two")
    assert [rows["lora 8"].ranks[n] for n in (one, two)] == [1, 1]
    assert [rows["houlsby 8"].ranks[n] for n in (one, two)] == [1, 3]
    assert rows["lora 8"].standings[one].tied
    assert not rows["lora 8"].standings[two].tied
    assert (rows["houlsby 8"].led, rows["houlsby 8"].mean_rank) == (1, 2.0)


def test_ranks_are_those_of_scipy_where_intervals_tell_all_apart(side_by_side: Sides) -> None:
    qualities = {
        "one": {("lora", 8): 0.5, ("houlsby", 8): 0.9, ("pfeiffer", 8): 0.7, ("ia3", None): 0.3},
        "two": {("lora", 8): 0.8, ("houlsby", 8): 0.2, ("pfeiffer", 8): 0.6, ("ia3", None): 0.4},
    }
    overview = side_by_side([row for task, own in qualities.items() for row in made(task, own)])
    ranks = {
        task: dict(zip(own, rankdata([-q for q in own.values()]), strict=True))
        for task, own in qualities.items()
    }
    for row in overview.rows:
        key = next(key for key in qualities["one"] if key[0] == row.method)
        expected = [ranks[study.task][key] for study in overview.studies]
        assert list(row.ranks) == expected
        assert row.mean_rank == pytest.approx(sum(expected) / 2)


def test_less_is_better_where_the_metric_says_so(side_by_side: Sides) -> None:
    rows = made("one", {("lora", 8): 0.5, ("houlsby", 8): 0.9})
    rows += made(
        "two", {("lora", 8): 12.0, ("houlsby", 8): 14.0, ("head", None): 20.0},
        quality__metric="perplexity", quality__higher_is_better=False,
    )  # fmt: skip
    overview = side_by_side(rows)
    lora, houlsby = (by_label(overview)[label] for label in ("lora 8", "houlsby 8"))
    two = at(overview, "two")
    assert (lora.ranks[two], houlsby.ranks[two]) == (1, 2)
    assert houlsby.standings[two].closed == pytest.approx((20 - 14) / (20 - 12))


def test_what_is_missing_says_why(found: Overview) -> None:
    rows = by_label(found)
    one, two = at(found, "one"), at(found, "two")
    assert rows["lora 4"].standings[two] is None
    assert rows["lora 4"].reasons[two] == "diverged: the loss is nan"
    assert rows["pfeiffer 8"].reasons[one] == NOT_RUN
    assert rows["lora 8"].reasons == ("", "")


def test_what_failed_everywhere_is_told_beside_the_rows(side_by_side: Sides) -> None:
    rows = made("one", {("lora", 8): 0.8}) + made("two", {("lora", 8): 0.8})
    rows.append(records.failed("killed", "by the kernel", method="houlsby", size=8, task="one"))
    assert side_by_side(rows).nowhere == (("houlsby 8", "killed: by the kernel"),)


def test_mean_ranks_are_compared_of_those_that_met_the_same_others(found: Overview) -> None:
    assert [row.label for row in found.complete] == ["lora 8", "houlsby 8"]
    assert [row.label for row in found.rows][:2] == ["lora 8", "houlsby 8"]


def test_a_study_of_one_configuration_ranks_nothing(side_by_side: Sides) -> None:
    rows = made("one", {("lora", 8): 0.8, ("houlsby", 8): 0.7}) + made("two", {("lora", 8): 0.8})
    overview = side_by_side(rows)
    assert overview.counted == (at(overview, "one"),)
    lora = by_label(overview)["lora 8"]
    assert lora.standings[at(overview, "two")].rank is None
    assert lora.known == (1,)


def test_what_stands_alone_in_its_study_is_not_held_side_by_side(side_by_side: Sides) -> None:
    rows = made("one", {("lora", 8): 0.8, ("houlsby", 8): 0.7})
    rows += made("source", {("pfeiffer", 16): 0.9})
    overview = side_by_side(rows)
    assert set(by_label(overview)) == {"lora 8", "houlsby 8"}
    assert (overview.labels, overview.nowhere) == (2, ())


def test_the_gap_goes_from_the_floor_to_the_best(side_by_side: Sides) -> None:
    rows = made("one", {("head", None): 0.6, ("lora", 8): 0.75, ("full", None): 0.8})
    rows += made("two", {("lora", 8): 0.8, ("full", None): 0.9}, quality__majority=0.5)
    rows += made("flat", {("head", None): 0.8, ("lora", 8): 0.7, ("full", None): 0.805})
    lora = by_label(overview := side_by_side(rows))["lora 8"]
    closed = {
        study.task: standing.closed
        for study, standing in zip(overview.studies, lora.standings, strict=True)
    }
    assert closed["one"] == pytest.approx(0.15 / 0.2)
    assert closed["two"] == pytest.approx(0.3 / 0.4)
    assert closed["flat"] is None
    assert lora.least_closed == pytest.approx(0.75)


def test_of_too_many_each_method_is_held_at_the_size_that_does_best_over_all(
    side_by_side: Sides,
) -> None:
    sizes = range(1, MOST + 1)
    rows = made("one", {("lora", n): 0.5 + 0.001 * n for n in sizes})
    rows += made("two", {("lora", n): 0.5 + 0.001 * (n if n < 30 else 0) for n in sizes})
    rows += made("one", {("houlsby", 8): 0.7}) + made("two", {("houlsby", 8): 0.7})
    overview = side_by_side(rows)
    assert overview.labels == MOST + 1
    assert [row.label for row in overview.rows] == ["houlsby 8", "lora 29"]


def test_nothing_comes_of_nothing() -> None:
    overview = across([])
    assert (overview.rows, overview.counted, overview.complete) == ((), (), ())
