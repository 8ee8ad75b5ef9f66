from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata

from harness.analysis.one_for_all import one_for_all
from harness.analysis.overview import Overview, across
from harness.analysis.resampling import RESAMPLES, resampled
from harness.analysis.study import studies
from harness.store import load
from tests import records
from tests.analysis.test_overview import made


def held(folder: Path, rows: list[dict], outcomes: bool = False) -> Overview:
    return across(studies(load(records.write(folder, rows, with_outcomes=outcomes))))


def test_the_pick_leads_most_studies_and_then_has_the_best_mean_rank(tmp_path: Path) -> None:
    lora, houlsby, pfeiffer = (("lora", 8), ("houlsby", 8), ("pfeiffer", 8))
    full, head = ("full", None), ("head", None)
    rows = made("one", {full: 0.9, lora: 0.895, houlsby: 0.8, pfeiffer: 0.85, head: 0.5})
    rows += made("two", {full: 0.9, lora: 0.5, houlsby: 0.895, pfeiffer: 0.85, head: 0.4})
    rows += made("three", {full: 0.9, lora: 0.85, houlsby: 0.8, pfeiffer: 0.7, head: 0.4})
    found = one_for_all(held(tmp_path, rows))
    assert [c.row.label for c in found] == ["lora 8", "houlsby 8", "pfeiffer 8"]
    assert [c.row.led for c in found] == [1, 1, 0]
    # Ranks 1, 4, 2 and 4, 1, 3, behind full fine-tuning in the third study.
    assert [c.row.mean_rank for c in found[:2]] == [pytest.approx(7 / 3), pytest.approx(8 / 3)]


def test_shares_are_those_of_ranking_every_resample(tmp_path: Path) -> None:
    rows = [
        records.record(method, 8, task=task)
        for task in ("one", "two", "three")
        for method in ("lora", "houlsby", "pfeiffer", "head", "full")
    ]
    overview = held(tmp_path, rows, outcomes=True)
    found = one_for_all(overview)
    wins = {candidate.row.label: 0.0 for candidate in found}
    for draw in range(RESAMPLES):
        totals = dict.fromkeys(wins, 0.0)
        for study in overview.studies:
            drawn = dict(zip((e.label for e in study.entries), resampled(study)[draw], strict=True))
            for label, rank in zip(wins, rankdata([-drawn[each] for each in wins]), strict=True):
                totals[label] += rank
        best = [label for label in wins if np.isclose(totals[label], min(totals.values()))]
        for label in best:
            wins[label] += 1 / len(best) / RESAMPLES
    assert {c.row.label: c.share for c in found} == pytest.approx(wins)
    assert sum(c.share for c in found) == pytest.approx(1)


def test_nothing_is_picked_where_no_method_met_all_the_others(tmp_path: Path) -> None:
    rows = made("one", {("lora", 8): 0.9, ("houlsby", 8): 0.8})
    rows += made("two", {("pfeiffer", 8): 0.9, ("ia3", None): 0.8})
    assert one_for_all(held(tmp_path, rows)) == ()


def test_nothing_has_to_serve_all_of_one_study(tmp_path: Path) -> None:
    assert one_for_all(held(tmp_path, made("one", {("lora", 8): 0.9, ("houlsby", 8): 0.8}))) == ()
