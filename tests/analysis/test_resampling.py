from __future__ import annotations

import gc
import json
import time
from math import sqrt
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from harness.analysis import resampling
from harness.analysis.resampling import RESAMPLES, bootstrap, resampled, win_shares
from harness.analysis.study import Study, studies
from harness.store import load
from tests import records

ALL = np.array([True, True])


def pair(both: int, first: int, second: int, neither: int) -> list[np.ndarray]:
    """Two entries of one seed that differ on `first` and `second` examples."""
    left = [1.0] * (both + first) + [0.0] * (second + neither)
    right = [1.0] * both + [0.0] * first + [1.0] * second + [0.0] * neither
    return [np.array([left]), np.array([right])]


def study(folder: Path, made: list, **options: bool) -> Study:
    (only,) = studies(load(records.write(folder, made, **options)))
    return only


@pytest.mark.parametrize(("first", "second"), [(60, 40), (30, 29), (25, 45), (8, 2)])
def test_the_share_of_wins_is_that_of_mcnemars_difference(first: int, second: int) -> None:
    # The variance of the difference of discordant counts, McNemar 1947; a resample with no
    # difference is shared, as half of a continuity correction.
    n = 1000
    shares = win_shares(
        bootstrap(pair(600, first, second, 400 - first - second), "ab", 20_000), ALL
    )
    spread = sqrt(first + second - (first - second) ** 2 / n)
    expected = NormalDist().cdf((first - second) / spread)
    assert shares[0] == pytest.approx(expected, abs=0.012)
    assert shares.sum() == pytest.approx(1.0)


def test_pairs_win_more_surely_than_their_intervals_would_say() -> None:
    paired = bootstrap(pair(600, 30, 5, 365), "ab", 5000)
    left, right = pair(600, 30, 5, 365)
    apart = np.hstack([bootstrap([each], "a", 5000) for each in (left, right[:, ::-1].copy())])
    assert win_shares(paired, ALL)[0] > 0.999
    assert (paired[:, 0] - paired[:, 1]).std() < 0.5 * (apart[:, 0] - apart[:, 1]).std()


def test_the_spread_of_one_entry_is_that_of_a_binomial() -> None:
    (left, _) = pair(700, 80, 0, 220)
    drawn = bootstrap([left], "a", 20_000)[:, 0]
    assert drawn.mean() == pytest.approx(0.78, abs=0.001)
    assert drawn.std() == pytest.approx(sqrt(0.78 * 0.22 / 1000), rel=0.03)


def test_seeds_that_differ_add_the_spread_of_their_mean() -> None:
    # All examples right in one seed and none in the other: nothing but seeds varies, and the mean
    # of two draws of 0 or 1 has the standard deviation 1/2 / sqrt(2).
    drawn = bootstrap([np.array([np.ones(50), np.zeros(50)])], "a", 20_000)[:, 0]
    assert set(drawn) == {0.0, 0.5, 1.0}
    assert drawn.std() == pytest.approx(sqrt(1 / 8), rel=0.02)


def test_seeds_of_entries_are_drawn_apart() -> None:
    seeds = np.array([np.ones(50), np.zeros(50)])
    drawn = bootstrap([seeds, seeds], ["one", "other"], 20_000)
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.03


def test_equal_outcomes_share_every_resample_in_equal_parts() -> None:
    same = pair(700, 0, 0, 300)
    twice = np.vstack([same[0], same[0]])
    drawn = bootstrap([*same, twice], "abc")
    assert (drawn[:, 0] == drawn[:, 2]).all()
    assert win_shares(drawn, np.ones(3, dtype=bool)) == pytest.approx([1 / 3] * 3)


def test_the_lowest_cost_wins_and_quality_decides_among_equals() -> None:
    qualities = np.array([[0.7, 0.8, 0.9], [0.85, 0.8, 0.9]])
    everyone, cost = np.ones(3, dtype=bool), np.array([1.0, 1.0, 2.0])
    assert win_shares(qualities, everyone, cost=cost).tolist() == [0.5, 0.5, 0.0]
    assert win_shares(qualities, everyone, min_quality=0.85, cost=cost).tolist() == [0.5, 0, 0.5]
    assert win_shares(qualities, everyone).tolist() == [0, 0, 1]
    assert win_shares(qualities, everyone, higher_is_better=False).tolist() == [0.5, 0.5, 0]
    assert win_shares(qualities, everyone, False, 0.72).tolist() == [0.5, 0, 0]
    assert win_shares(qualities, ~everyone).tolist() == [0, 0, 0]


def test_entries_stand_in_the_order_of_the_study(tmp_path: Path) -> None:
    only = study(tmp_path, records.quick(seeds=(0, 1, 2), sizes=(8,)))
    drawn = resampled(only)
    assert drawn.shape == (RESAMPLES, len(only.entries))
    assert drawn.mean(axis=0) == pytest.approx(
        [entry["quality"].value for entry in only.entries], abs=0.006
    )


def test_the_same_records_give_the_same_numbers_and_only_once(tmp_path: Path) -> None:
    made = records.quick(sizes=(8,))
    records.write(tmp_path, made)
    one, other = (studies(load(tmp_path))[0] for _ in range(2))
    assert resampled(one) is resampled(one)
    assert (resampled(one) == resampled(other)).all()
    kept = len(resampling._made)
    del one
    gc.collect()
    assert len(resampling._made) == kept - 1


@pytest.mark.parametrize(
    "changes", [{"with_outcomes": False}, {"quality__metric": "macro_f1"}], ids=["none", "metric"]
)
def test_without_outcomes_qualities_are_drawn_from_the_interval(
    tmp_path: Path, changes: dict
) -> None:
    metric = {k: v for k, v in changes.items() if k.startswith("quality")}
    interval = {"quality__ci_low": 0.73, "quality__ci_high": 0.77}
    made = [records.record("lora", 8, quality__value=0.75, **interval, **metric)]
    only = study(tmp_path, made, with_outcomes=changes.get("with_outcomes", True))
    drawn = resampled(only)[:, 0]
    assert drawn.std() == pytest.approx(0.04 / (2 * 1.96), rel=0.15)
    assert drawn.mean() == pytest.approx(0.75, abs=0.003)


def test_outcomes_on_other_examples_are_not_paired_but_drawn(tmp_path: Path) -> None:
    made = [records.record(method, 8) for method in ("lora", "houlsby", "pfeiffer")]
    records.write(tmp_path, made)
    file = tmp_path / made[2]["trial"] / "outcomes.json"
    file.write_text(file.read_text().replace("test-", "other-"))
    (only,) = studies(load(tmp_path))
    place = next(i for i, entry in enumerate(only.entries) if entry.method == "pfeiffer")
    assert list(resampling._scored(only)) == [i for i in range(3) if i != place]
    assert not np.isnan(resampled(only)).any()


def test_an_unknown_quality_stays_unknown_and_never_wins(tmp_path: Path) -> None:
    made = [records.record("lora", 8), records.record("ia3", quality=None)]
    only = study(tmp_path, made)
    shares = win_shares(resampled(only), np.ones(2, dtype=bool))
    assert dict(zip([e.method for e in only.entries], shares, strict=True)) == {"lora": 1, "ia3": 0}


def test_the_order_of_examples_in_a_file_changes_nothing(tmp_path: Path) -> None:
    made = [records.record(method, 8) for method in ("lora", "houlsby")]
    drawn = []
    for name, step in (("straight", 1), ("turned", -1)):
        records.write(tmp_path / name, made)
        content = records.outcomes(made[1])
        content |= {name: content[name][::step] for name in ("ids", "scores")}
        file = tmp_path / name / made[1]["trial"] / "outcomes.json"
        file.write_text(json.dumps(content))
        drawn.append(resampled(studies(load(tmp_path / name))[0]))
    assert (drawn[0] == drawn[1]).all()


def test_three_thousand_entries_take_seconds() -> None:
    generator = np.random.default_rng(0)
    outcomes = [(generator.random((3, 1000)) < 0.8).astype(float) for _ in range(3000)]
    started = time.perf_counter()
    drawn = bootstrap(outcomes, [str(place) for place in range(3000)])
    win_shares(drawn, np.ones(3000, dtype=bool))
    assert time.perf_counter() - started < 10
