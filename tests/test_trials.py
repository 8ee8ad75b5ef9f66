"""What a trial's folder holds of phases that ran on several machines, or under several versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness import store, trials
from harness.config import SCHEMA
from harness.entry import compose
from harness.phases import named, phases
from harness.sources import with_sources
from harness.trials import PARTS, Trial

HERE = {"machine": "aaaa", "cpu": "Small", "gpu": None, "torch": "2.13.0"}
THERE = HERE | {"machine": "bbbb", "cpu": "Large"}
OLDER = HERE | {"torch": "2.12.0"}


class Lab:
    """A trial, and the machine that it is worked on."""

    def __init__(self, folder: Path) -> None:
        config = with_sources(compose(["method=lora", "size=4", "device=cpu"]))
        self.trial = Trial(folder.name, config, folder, ())
        self.place = HERE

    def runs(self, *names: str, place: dict[str, Any]) -> None:
        self.place = place
        for name in names:
            environment = {"phases": {name: {"busy": False}}, "gpu": None}
            if name in ("train", "latency"):
                environment |= place
            # Whose figure it is can be read from it.
            groups = {"memory": {name: place}, "environment": environment}
            self.trial.keep(named(name), groups, {"seconds": 1.0})

    def left(self, place: dict[str, Any]) -> list[str]:
        self.place = place
        return [phase.name for phase in self.trial.left(alone=True)]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    lab = Lab(tmp_path / "trial")
    monkeypatch.setattr(trials, "place", lambda device: lab.place)
    return lab


ALONE = ["memory", "latency", "generation", "serving", "speed", "energy"]


def trains(lab: Lab, place: dict[str, Any]) -> None:
    shared = phases(lab.trial.config, alone=False)
    lab.runs(*(phase.name for phase in shared), place=place)
    assert not lab.trial.left(alone=False)


@pytest.mark.parametrize("other", [THERE, OLDER])
def test_what_was_trained_elsewhere_stays_and_is_told(lab: Lab, other: dict[str, Any]) -> None:
    trains(lab, other)
    assert lab.left(HERE) == ALONE
    assert lab.trial.left(alone=False) == []
    lab.runs(*ALONE, place=HERE)
    environment = lab.trial.finish("ok", None, "done")["environment"]
    (there,) = environment["elsewhere"]
    trained = [phase.name for phase in phases(lab.trial.config, alone=False)]
    assert there == {"phases": trained, **other}
    assert {name: environment[name] for name in HERE} == HERE


@pytest.mark.parametrize("other", [THERE, OLDER])
def test_measuring_that_began_elsewhere_begins_anew(lab: Lab, other: dict[str, Any]) -> None:
    trains(lab, HERE)
    lab.runs("memory", "latency", place=other)
    assert lab.left(other) == ALONE[2:]
    assert lab.left(HERE) == ALONE
    # Whoever goes on where it began mixes nothing, whatever was measured between.
    lab.runs("memory", place=HERE)
    assert lab.left(HERE) == ALONE[1:]
    assert lab.left(other) == ["memory", *ALONE[2:]]


def test_it_is_said_what_begins_anew_and_why(lab: Lab) -> None:
    trains(lab, THERE)
    lab.place = HERE
    assert lab.trial.begun_elsewhere() is None
    lab.runs("memory", "latency", place=THERE)
    assert lab.trial.begun_elsewhere() is None
    lab.place = HERE
    assert lab.trial.begun_elsewhere() == "memory, latency with cpu Large"


def test_measuring_that_ended_elsewhere_is_kept(lab: Lab) -> None:
    trains(lab, HERE)
    lab.runs(*ALONE, place=THERE)
    assert lab.left(HERE) == []
    environment = lab.trial.finish("ok", None, "done")["environment"]
    assert environment["cpu"] == "Large"
    assert [place["cpu"] for place in environment["elsewhere"]] == ["Small"]


def test_a_failure_never_joins_figures_of_two_machines(lab: Lab) -> None:
    trains(lab, HERE)
    lab.runs("memory", "latency", place=THERE)
    lab.runs("memory", place=HERE)
    record = lab.trial.finish("failed", "it broke", "latency")
    assert record["memory"]["memory"] == HERE
    assert "latency" not in record["memory"]
    assert record["environment"]["cpu"] == "Small"
    assert "latency" not in record["environment"]["phases"]


def test_where_an_older_part_was_made_is_not_known_and_measured_anew(lab: Lab) -> None:
    trains(lab, HERE)
    older = {"schema": SCHEMA, "groups": {"environment": {"phases": {"memory": {}}}}}
    store.write_json(lab.trial.folder / PARTS / "memory.json", older)
    assert lab.trial.part("memory") is not None
    assert lab.left(HERE) == ALONE
    assert lab.trial.begun_elsewhere() == "memory with what was not recorded"


def test_in_one_place_there_is_nothing_elsewhere(lab: Lab) -> None:
    trains(lab, HERE)
    assert lab.left(HERE) == ALONE
    lab.runs(*ALONE, place=HERE)
    environment = lab.trial.finish("ok", None, "done")["environment"]
    assert environment["elsewhere"] == []
    assert environment["busy"] is False
    assert not (lab.trial.folder / PARTS).exists()


@pytest.mark.parametrize(("seconds", "flushed"), [(1.0, False), (3600.0, True)])
def test_part_that_took_long_and_every_record_are_flushed_to_the_disk(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, seconds: float, flushed: bool
) -> None:
    calls = []
    monkeypatch.setattr(store.os, "fsync", calls.append)
    lab.trial.keep(named("plan"), {}, {"seconds": seconds})
    assert bool(calls) is flushed
    assert lab.trial.part("plan") is not None
    calls.clear()
    lab.trial.finish("failed", "no", "plan")
    assert calls
