from __future__ import annotations

from pathlib import Path

import pytest

from harness.bench import sweep
from harness.store import write_json


def program(qualities: list[float], seconds: list[float], clock: list[float]):
    """Stands in for a run of the program: leaves records and lets time pass."""

    def run(arguments: list[str]) -> None:
        results = Path(arguments[-1].removeprefix("results="))
        together = "-m" in arguments
        number = 0 if together else len(list(results.glob("*/record.json")))
        for place in range(12) if together else (number,):
            quality = 0.5 if together else qualities[place]
            path = results / str(place) / "record.json"
            write_json(path, {"quality": {"value": quality}})
        clock[0] += seconds[0 if together else 1]

    return run


@pytest.mark.parametrize(
    ("quality", "seconds", "holds"), [(0.5, 5.0, True), (0.6, 5.0, False), (0.5, 1.0, False)]
)
def test_a_sweep_holds_if_it_is_twice_as_fast_with_the_same_qualities(
    monkeypatch: pytest.MonkeyPatch, quality: float, seconds: float, holds: bool
) -> None:
    clock = [0.0]
    monkeypatch.setattr(sweep.time, "perf_counter", lambda: clock[0])
    qualities = [0.5] * 11 + [quality]
    monkeypatch.setattr(sweep, "_program", program(qualities, [20.0, seconds], clock))
    found = sweep.run()
    assert found["trials"] == 12
    assert found["apart_over_sweep"] == pytest.approx(12 * seconds / 20)
    assert found["holds"] is holds


def test_a_trial_that_is_missing_is_no_same_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "_program", lambda arguments: None)
    assert not sweep.run()["holds"]
