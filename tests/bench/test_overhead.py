"""The bare loop does the trial's work, and the trial's time is held against it."""

from __future__ import annotations

import pytest

from harness.bench import overhead

SMOKE = ("sweep=smoke", "method=lora", "size=4", "model=bert_tiny")


@pytest.mark.network
@pytest.mark.slow
def test_the_bare_loop_ends_at_the_quality_of_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overhead, "TRIAL", SMOKE)
    monkeypatch.setattr(overhead, "PAIRS", 1)
    found = overhead.run()
    assert found["same_quality"]
    assert found["trial_over_bare"] == pytest.approx(found["trial_s"][0] / found["bare_s"][0])


@pytest.mark.parametrize(
    ("bare", "quality", "holds"), [(9.5, 0.5, True), (8, 0.5, False), (9.5, 0.6, False)]
)
def test_it_holds_if_the_trial_takes_little_longer_for_the_same_quality(
    monkeypatch: pytest.MonkeyPatch, bare: float, quality: float, holds: bool
) -> None:
    clock = iter([0.0, 10.0, 100.0, 110.0])
    record = {"quality": {"value": 0.5}, "trial": "0"}
    monkeypatch.setattr(overhead, "records", lambda trials, results: [record])
    monkeypatch.setattr(overhead.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(overhead, "_bare", lambda *a: {"seconds": bare, "quality": quality})
    found = overhead.run()
    assert found["holds"] is holds
    assert found["trial_over_bare"] == pytest.approx(10 / bare)
    assert ("holds" if holds else "FAILS") in overhead.lines(found)[1]
