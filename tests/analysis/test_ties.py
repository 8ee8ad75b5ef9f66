from __future__ import annotations

from math import hypot, sqrt
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import sem
from scipy.stats import t as student

from harness.analysis import ties
from harness.analysis.entry import Entry
from harness.analysis.study import Study, studies
from harness.analysis.ties import (
    OVERLAP,
    PAIRED,
    Comparison,
    against,
    compare,
    paired_interval,
    ranking,
)
from harness.store import load
from tests import records


def study(folder: Path, made: list, **options: bool) -> Study:
    (only,) = studies(load(records.write(folder, made, **options)))
    return only


def outcomes(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    left = [1.0] * (both + first) + [0.0] * (second + neither)
    right = [1.0] * both + [0.0] * first + [1.0] * second + [0.0] * neither
    return np.array([left]), np.array([right])


@pytest.mark.parametrize(("first", "second"), [(30, 12), (5, 5), (0, 0), (3, 40)])
def test_one_seed_has_the_interval_of_agresti_and_min(first: int, second: int) -> None:
    n, z = 200, NormalDist().inv_cdf(0.975)
    difference, low, high = paired_interval(*outcomes(100, first, second, 100 - first - second))
    b, c, total = first + 0.5, second + 0.5, n + 2
    centre = (b - c) / total
    half = z * sqrt((b + c) - (b - c) ** 2 / total) / total
    assert difference == pytest.approx((first - second) / n)
    assert (low, high) == (pytest.approx(centre - half), pytest.approx(centre + half))


def test_the_paired_interval_agrees_with_a_bootstrap() -> None:
    left, right = outcomes(600, 90, 50, 260)
    _, low, high = paired_interval(left, right)
    gaps = (left - right)[0]
    generator = np.random.default_rng(0)
    means = gaps[generator.integers(0, 1000, size=(4000, 1000))].mean(axis=1)
    expected = np.quantile(means, [0.025, 0.975])
    assert (low, high) == pytest.approx(tuple(expected), abs=0.002)


def test_several_seeds_widen_the_paired_interval() -> None:
    left, right = outcomes(600, 90, 50, 260)
    flipped = left[:, ::-1].copy()
    one = paired_interval(left, right)
    two = paired_interval(np.vstack([left, flipped]), np.vstack([right, right]))
    assert two[2] - two[1] > one[2] - one[1]


def test_pairs_tell_apart_what_overlapping_intervals_cannot(tmp_path: Path) -> None:
    better = records.record("lora", 8, quality__value=0.780)
    worse = records.record("houlsby", 8, quality__value=0.755)
    for made in (better, worse):
        value = made["quality"]["value"]
        made["quality"] |= {"ci_low": value - 0.026, "ci_high": value + 0.025}
    paired = study(tmp_path / "paired", [better, worse])
    blunt = study(tmp_path / "blunt", [better, worse], with_outcomes=False)
    apart, alike = (compare(s, *s.by_quality(s.entries)) for s in (paired, blunt))
    assert (apart.how, apart.tied) == (PAIRED, False)
    assert (alike.how, alike.tied) == (OVERLAP, True)
    assert apart.difference == pytest.approx(alike.difference) == pytest.approx(0.025)


def by_hand(left: np.ndarray, right: np.ndarray) -> tuple[float, float, float]:
    """The adjusted interval of Agresti and Min over examples, and scipy's Student over seeds."""
    gaps = left.mean(axis=0) - right.mean(axis=0)
    n = gaps.size
    centre = gaps.sum() / (n + 2)
    half = NormalDist().inv_cdf(0.975) * sqrt(
        (((gaps**2).sum() + 1) / (n + 2) - centre**2) / (n + 2)
    )
    for scores in (left.mean(axis=1), right.mean(axis=1)):
        if len(scores) > 1:
            half = hypot(half, student.ppf(0.975, len(scores) - 1) * sem(scores))
    return gaps.mean(), centre - half, centre + half


def test_comparisons_worked_out_together_are_those_of_each_pair_alone(tmp_path: Path) -> None:
    made = [
        records.record(method, 8, seed)
        for method, seeds in {"lora": 3, "houlsby": 2, "pfeiffer": 1, "ia3": 3}.items()
        for seed in range(seeds)
    ]
    only = study(tmp_path, made)
    first, *others = only.by_quality(only.entries)

    def stacked(entry: Entry) -> np.ndarray:
        return np.stack(
            [outcomes.examples[:, 0].astype(float) for outcomes in only.outcomes(entry)]
        )

    for other, found in zip(others, against(only, first, others), strict=True):
        difference, low, high = by_hand(stacked(first), stacked(other))
        assert found.difference == pytest.approx(difference, abs=1e-12)
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
        assert found.how == PAIRED
        assert found == compare(only, first, other)


def test_a_ranking_compares_each_leader_with_the_rest_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = study(tmp_path, records.quick(seeds=(0, 1), sizes=(1, 4, 16, 64)))
    asked = []

    def counted(study: Study, leader: Entry, others: list[Entry]) -> list[Comparison]:
        asked.append((leader.label, len(others)))
        return against(study, leader, others)

    monkeypatch.setattr(ties, "against", counted)
    places = ranking(only, only.entries)
    leaders = {place.leader.label for place in places.values()}
    assert len(leaders) > 1
    assert {label for label, _ in asked} == leaders
    assert len(asked) == len(leaders)


def test_outcomes_on_other_examples_are_not_paired(tmp_path: Path) -> None:
    made = [records.record("lora", 8), records.record("houlsby", 8)]
    records.write(tmp_path, made)
    other = tmp_path / made[1]["trial"] / "outcomes.json"
    other.write_text(other.read_text().replace("test-", "other-"))
    (only,) = studies(load(tmp_path))
    assert compare(only, *only.entries).how == OVERLAP


def test_another_order_of_the_same_examples_is_paired_all_the_same(tmp_path: Path) -> None:
    made = [records.record("lora", 8), records.record("houlsby", 8)]
    straight = study(tmp_path / "straight", made)
    turned = tmp_path / "turned"
    records.write(turned, made)
    file = turned / made[1]["trial"] / "outcomes.json"
    content = records.outcomes(made[1])
    content |= {name: content[name][::-1] for name in ("ids", "scores")}
    file.write_text(records.json.dumps(content))
    (other,) = studies(load(turned))
    assert compare(other, *other.entries) == compare(straight, *straight.entries)
    assert compare(other, *other.entries).how == PAIRED


def test_which_examples_were_right_pairs_nothing_by_another_metric(tmp_path: Path) -> None:
    made = [records.record(m, 8, quality__metric="macro_f1") for m in ("lora", "houlsby")]
    only = study(tmp_path, made)
    assert compare(only, *only.entries).how == OVERLAP


def test_ties_share_a_rank_and_the_next_rank_counts_them(tmp_path: Path) -> None:
    values = {"lora": 0.80, "houlsby": 0.798, "pfeiffer": 0.70, "ia3": 0.699, "bitfit": 0.60}
    made = [
        records.record(m, 8, quality__value=v, quality__ci_low=v - 0.01, quality__ci_high=v + 0.01)
        for m, v in values.items()
    ]
    only = study(tmp_path, made, with_outcomes=False)
    places = ranking(only, only.entries)
    ranks = {label: place.rank for label, place in places.items()}
    assert ranks == {"lora 8": 1, "houlsby 8": 1, "pfeiffer 8": 3, "ia3": 3, "bitfit": 5}
    assert places["ia3"].leader.label == "pfeiffer 8"
    assert places["lora 8"].against_leader is None


def test_what_has_no_interval_is_not_told_apart(tmp_path: Path) -> None:
    # Of a metric on too few examples: that they differ says nothing.
    few = {"quality__metric": "entity_f1", "quality__ci_low": None, "quality__ci_high": None}
    made = [
        records.record(m, 8, quality__value=v, **few) for m, v in {"lora": 0.8, "ia3": 0.6}.items()
    ]
    only = study(tmp_path, made, with_outcomes=False)
    found = compare(only, *only.by_quality(only.entries))
    assert (found.difference, found.how, found.tied) == (pytest.approx(0.2), OVERLAP, True)


def test_where_less_is_better_the_least_leads(tmp_path: Path) -> None:
    made = [
        records.record(
            m, 8, quality__metric="perplexity", quality__higher_is_better=False,
            quality__value=v, quality__ci_low=v - 1, quality__ci_high=v + 1,
        )
        for m, v in {"lora": 30.0, "houlsby": 20.0}.items()
    ]  # fmt: skip
    only = study(tmp_path, made)
    assert {k: p.rank for k, p in ranking(only, only.entries).items()} == {
        "houlsby 8": 1,
        "lora 8": 2,
    }
    best, other = only.by_quality(only.entries)
    assert compare(only, best, other).difference == pytest.approx(10.0)
