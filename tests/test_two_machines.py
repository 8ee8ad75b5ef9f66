"""Sweeps that train on one machine, or under one set of versions, and measure on another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness import trials
from harness.isolation import Outcome
from harness.measure.environment import place
from harness.phases import PHASES
from harness.progress import Progress
from harness.store import flat, load
from tests.instant import run

ALONE = [phase.name for phase in PHASES if phase.alone]
SHARED = [phase.name for phase in PHASES if not phase.alone]
LARGE = {"machine": "bbbbbbbb", "cpu": "A large CPU", "cores": 64, "torch": "2.12.0"}


@pytest.fixture
def on_large(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Whether the sweep runs on another machine than this one."""

    def move(there: bool) -> None:
        now = place("cpu") | (LARGE if there else {})
        monkeypatch.setattr(trials, "place", lambda device: now)

    return move


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    told: list[str] = []
    monkeypatch.setattr(Progress, "say", lambda _, text: told.append(text))
    return told


def anew(said: list[str]) -> list[str]:
    return [text for text in said if text.startswith("measured anew here")]


def test_what_was_trained_on_one_machine_is_measured_on_another_and_the_record_says_so(
    tmp_path: Path, instant: Any, on_large: Any, said: list[str]
) -> None:
    on_large(True)
    assert run(tmp_path, ["lora"], "size=4", "phases=[train]")["lora"]["status"] == "trained"
    on_large(False)
    record = run(tmp_path, ["lora"], "size=4", "phases=[measure]")["lora"]
    assert record["status"] == "ok"
    names = [name for _, name in instant.asked]
    assert len(names) == len(set(names)), "a phase ran twice"
    (elsewhere,) = record["environment"]["elsewhere"]
    assert elsewhere == {"phases": SHARED} | place("cpu") | LARGE
    assert record["environment"]["machine"] == place("cpu")["machine"]
    assert anew(said) == []


def test_measuring_that_began_on_another_machine_begins_anew_and_says_so_once(
    tmp_path: Path, instant: Any, on_large: Any, said: list[str]
) -> None:
    on_large(True)
    instant.answer = lambda trial, phase: (
        Outcome(trial, "killed", reason="preempted") if phase == "serving" else None
    )
    assert run(tmp_path)["bitfit"]["status"] == "killed"
    instant.answer = lambda trial, phase: None
    del instant.asked[:]
    on_large(False)
    record = run(tmp_path)["bitfit"]
    assert record["status"] == "ok"
    assert [name for _, name in instant.asked] == ALONE
    assert [place["phases"] for place in record["environment"]["elsewhere"]] == [SHARED]
    assert anew(said) == [
        "measured anew here: bitfit seed=0 on rotten_tomatoes with bert_tiny: had memory, latency, "
        "generation with cpu A large CPU, cores 64, torch 2.12.0"
    ]


@pytest.mark.network
@pytest.mark.slow
def test_a_real_trial_moves_between_machines(tmp_path: Path, on_large: Any) -> None:
    only = ["measure.capacity=null", "measure.forgetting=null", "measure.serving=null"]
    on_large(True)
    run(tmp_path, ["bitfit"], "phases=[train]", *only)
    on_large(False)
    record = run(tmp_path, ["bitfit"], "phases=[measure]", *only)["bitfit"]
    assert (record["status"], record["reason"]) == ("ok", None)
    environment = record["environment"]
    here = place("cpu")
    assert {name: environment[name] for name in here} == here, "the process says the same"
    assert [(e["phases"], e["cpu"]) for e in environment["elsewhere"]] == [
        (["plan", "train", "merge"], "A large CPU")
    ]
    (row,) = load(tmp_path).to_dict("records")
    added = {name for name in row if name.startswith(("environment.elsewhere", "environment.mach"))}
    assert added == {"environment.elsewhere", "environment.machine"}, "no column per place"
    assert set(row) - {"path"} == set(flat({k: v for k, v in record.items() if k != "config"}))
