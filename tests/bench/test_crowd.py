"""The bench of a sweep's own cost, with a handful of trials in place of thousands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness import sweep
from harness.bench import crowd, stand_in
from harness.bench.stand_in import Clocked, StandIn
from harness.isolation import Task
from harness.phases import PHASES
from harness.trials import GROUPS


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Nothing is fetched, no process is started, and every limit holds but those that are given."""
    monkeypatch.setattr(sweep, "prepare", lambda trials: None)
    monkeypatch.setattr(crowd, "Trivial", StandIn)
    monkeypatch.setattr(crowd, "_status_seconds", lambda results: 0.1)
    for name, value in {"FEW": 2, "REPEATS": 1}.items():
        monkeypatch.setattr(crowd, name, value)

    def run(**limits: float) -> dict[str, Any]:
        for name in ("WITHIN", "FLAT", "SOON"):
            monkeypatch.setattr(crowd, name, limits.get(name, 1e9))
        return crowd.run(trials=6, edge=2, forked=3, jobs=2)

    return run


def test_every_trial_is_swept_and_the_cost_told(small: Any) -> None:
    found = small()
    assert found["holds"]
    assert found["trials"] == 6
    assert all(found[name] > 0 for name in found if name.endswith(("_ms", "_s")))
    assert found["ms_per_trial"] > found["compose_ms"]
    told = "\n".join(crowd.lines(found))
    assert "holds" in told
    assert f"{found['first_ms']:.1f} ms" in told


@pytest.mark.parametrize("limit", ["WITHIN", "FLAT", "SOON"])
def test_one_limit_that_is_passed_fails(small: Any, limit: str) -> None:
    found = small(**{limit: 0.0})
    assert not found["holds"]
    assert "FAILS" in crowd.lines(found)[-1]


def test_first_and_last_are_those_of_training_and_measuring() -> None:
    clock = Clocked()
    clock.started["plan"] = [0.0, 1.0, 2.0, 3.0, 13.0, 23.0]  # the last two took ten seconds each
    clock.started["memory"] = [100.0, 102.0, 104.0, 106.0, 108.0, 110.0]
    first, last = crowd._edges(clock, 2)
    assert (first, last) == (1000 + 2000, 10_000 + 2000)


def test_phases_answer_with_the_groups_of_the_documented_record(tmp_path: Path) -> None:
    record = stand_in.real_record()
    given: set[str] = set()
    for phase in PHASES:
        processes = StandIn(1, Clocked())
        arguments = {"phase": phase.name, "config": {}}
        processes.start(Task("trial", "harness.trial:run", arguments, tmp_path / "log", 1, 1.0))
        outcome = processes.wait()
        assert (outcome.key, outcome.status, len(processes)) == ("trial", "ok", 0)
        groups = set(outcome.value) - {"environment"}
        assert all(outcome.value[name] == record[name] for name in groups)
        assert list(outcome.value["environment"]["phases"]) == [phase.name]
        given |= groups
    assert given == {name for name in GROUPS if record[name]} - {"environment"}
