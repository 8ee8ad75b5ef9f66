"""What the page's scripts read is what the study says."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from harness.analysis.constraints import NEEDS, unmet
from harness.report.data import STEP, quantised, study_data
from harness.report.picture import safe_json
from harness.report.subject import Subject
from tests import further, records
from tests.report.conftest import HOSTILE, MakeSubject


def unpacked(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


@pytest.fixture
def subject(make_subject: MakeSubject) -> Subject:
    made = [further.measured(row) for row in records.quick(seeds=(0, 1))]
    bare = records.record("lora", 32, latency=None, memory=None)
    return make_subject([*made, bare, records.record(HOSTILE, 8, family=HOSTILE)])


def test_every_figure_reads_back_as_the_entry_has_it(subject: Subject, tmp_path: Path) -> None:
    data = json.loads(safe_json(study_data(subject, tmp_path / "index.html")))
    assert data["labels"] == [entry.label for entry in subject.entries]
    for name, column in data["figures"].items():
        estimates = [subject.estimate(entry, name) for entry in subject.entries]
        for part in ("value", "low", "high"):
            told = [getattr(e, part) for e in estimates]
            if part in column:
                read = unpacked(column[part], "<f8")
                assert [None if np.isnan(v) else v for v in read] == told
            else:
                assert set(told) == {None}
        assert column.get("at_least", []) == [i for i, e in enumerate(estimates) if e.at_least]
        for place, estimate in enumerate(estimates):
            if not estimate.known:
                why = column["why"]
                assert why["words"][why["codes"][place]] == estimate.reason


def test_the_script_decides_by_needs_as_the_analysis_does(subject: Subject, tmp_path: Path) -> None:
    data = study_data(subject, tmp_path / "index.html")
    for need in NEEDS:
        words, codes = data["needs"][need]["words"], data["needs"][need]["codes"]
        assert [words[code] for code in codes] == [unmet(e, need) for e in subject.entries]


def test_latency_counts_unmerged_once_adapters_must_be_swapped(
    subject: Subject, tmp_path: Path
) -> None:
    limit = study_data(subject, tmp_path / "index.html")["limits"]["max_latency_ratio"]
    assert limit["figure"] == "deployed"
    assert limit["instead"]["hot_swap"] == "unmerged"
    assert not limit["more"]


@pytest.mark.parametrize(("low", "high", "width"), [(0.5, 0.9, 2), (0.0, 1.0, 4), (12.0, 31.0, 4)])
def test_resampled_qualities_keep_their_steps(low: float, high: float, width: int) -> None:
    qualities = np.random.default_rng(0).uniform(low, high, (20, 7))
    qualities[0, :2] = low, high
    qualities[:, 3] = np.nan
    packed = quantised(qualities)
    assert packed["bytes"] == width
    codes = unpacked(packed["codes"], f"<u{width}").reshape(20, 7).astype(np.int64)
    assert (codes[:, 3] == 2 ** (8 * width) - 1).all()
    read = (packed["low"] + codes) * packed["step"]
    known = ~np.isnan(qualities)
    assert np.abs(read - qualities)[known].max() <= STEP / 2 + 1e-12


def test_resampled_perplexities_that_spread_over_more_steps_than_codes_have_wider_ones() -> None:
    qualities = np.random.default_rng(0).uniform(1.0, 1e7, (20, 7))
    packed = quantised(qualities)
    codes = unpacked(packed["codes"], "<u4").reshape(20, 7).astype(np.int64)
    read = (packed["low"] + codes) * packed["step"]
    assert np.abs(read - qualities).max() <= packed["step"]
    assert packed["step"] < 0.01


def test_a_study_without_a_quality_has_data_all_the_same(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    none = records.record(quality__value=None, quality__ci_low=None, quality__ci_high=None)
    data = study_data(make_subject([none]), tmp_path / "index.html")
    assert data["ranks"] == [None]
    json.dumps(data, allow_nan=False)
