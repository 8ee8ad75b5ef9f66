"""A sweep on a machine that others use: it waits, refuses, goes on, and writes down what it saw."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from harness import sweep
from harness.config import run_config
from harness.device_lock import locked
from harness.entry import compose
from harness.measure.nvml import Users
from harness.phases import PHASES
from harness.progress import Progress, figures_of
from harness.sources import with_sources
from harness.store import read_json
from harness.trials import GROUPS

pytestmark = [pytest.mark.network, pytest.mark.slow]

ALONE = [phase.name for phase in PHASES if phase.alone]


class Machine:
    """A machine on which another sweep measures, and two others compute on the only device."""

    def __init__(self, folder: Path) -> None:
        self.results = folder / "results"
        self.said: list[list[str]] = []
        self.other = ExitStack()

    def run(self, *overrides: str) -> dict[str, Any]:
        self.said.append([])
        self.other.enter_context(locked("cpu", alone=True, waits=self.other.close))
        cfg = compose(["sweep=smoke", "method=bitfit", f"results={self.results}", *overrides])
        return sweep.run_sweep([with_sources(cfg)], run_config(cfg))[0]

    def hear(self, told: str) -> None:
        self.said[-1].append(told)
        if told.startswith("waiting"):
            self.other.close()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    found = Machine(tmp_path_factory.mktemp("m"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(found.results.parent))  # locks of its own
        patch.setattr(sweep.nvml, "users", lambda device: Users(2, 3 << 20))
        patch.setattr(Progress, "say", lambda _, told: found.hear(told))
        yield found


@pytest.fixture(scope="module")
def refused(machine: Machine) -> dict[str, Any]:
    return machine.run("occupied=refuse")


@pytest.fixture(scope="module")
def recorded(machine: Machine, refused: dict[str, Any]) -> dict[str, Any]:
    return machine.run("occupied=record")


def test_a_gpu_in_use_is_refused_with_who_uses_it_and_nothing_trained_is_lost(machine, refused):
    assert (refused["status"], refused["phase"]) == ("failed", ALONE[0])
    assert refused["reason"] == (
        "occupied=refuse: others compute on the GPU (2 processes, 3 MiB); measure later"
    )
    assert refused["quality"]["n"] == 64
    assert "allocated_peak" not in refused["memory"]["train"], "it was measured"


def test_it_waits_for_a_sweep_that_measures_and_says_so(refused, recorded, machine):
    to_train, to_measure = machine.said
    assert "waiting: another sweep measures on cpu" in to_train
    assert "waiting: other sweeps are at work on cpu" in to_measure
    assert not any(told.startswith("trained") for told in to_measure), "it trained twice"


def test_or_it_is_measured_and_written_down(recorded):
    phases = recorded["environment"]["phases"]
    for name, seen in phases.items():
        expected = {"processes": 2, "bytes": 3 << 20} if name in ALONE else None
        assert seen.get("gpu_others") == expected


def test_each_phase_says_what_others_took_meanwhile(recorded):
    phases = recorded["environment"]["phases"]
    assert set(ALONE) < set(phases)
    for name, seen in phases.items():
        assert seen["seconds"] > 0
        assert seen["threads"] >= 1
        assert seen["load"] >= 0
        # Phases of a few ticks tell nothing.
        known = Path("/proc/stat").exists() and seen["other_cores"] is not None
        if known:
            assert min(seen["other_cores"], seen["stolen_cores"]) >= 0
        # Beside a phase that shares the machine there are others of ours.
        assert isinstance(seen["busy"], bool) is (known and name in ALONE)
    busy = [phases[name]["busy"] for name in ALONE if phases[name]["busy"] is not None]
    assert recorded["environment"]["busy"] is (any(busy) if busy else None)


def test_a_busy_machine_is_told_with_the_figures(recorded):
    environment = recorded["environment"]
    told = {
        busy: figures_of({**recorded, "environment": {**environment, "busy": busy}})
        for busy in (True, False, None)
    }
    assert told[True] == f"{told[False]}, busy machine"
    assert told[None] == told[False]


def test_the_parent_takes_less_than_a_hundredth_of_a_core_while_a_phase_runs(recorded, machine):
    record = read_json(machine.results / recorded["trial"] / "record.json")
    assert record is not None
    phases = record["environment"]["phases"].values()
    taken = sum(phase["parent_cpu_seconds"] for phase in phases)
    assert 0 <= taken < 0.01 * sum(phase["seconds"] for phase in phases)


def names(group: Any) -> set[str]:
    """The names of all fields inside a group of a record."""
    if isinstance(group, dict):
        return set(group).union(*map(names, group.values()))
    return set().union(*map(names, group)) if isinstance(group, list) else set()


def test_each_number_of_a_record_is_explained(recorded):
    page = (Path(__file__).parents[1] / "docs" / "numbers.md").read_text()
    assert re.findall("^## (.*)$", page, flags=re.MULTILINE) == list(GROUPS)
    explained = {
        text.rsplit(".", 1)[-1].replace("…", "*")
        for text in re.findall("`([^`]+)`", page.replace(chr(10), " "))
    }
    versions = {"torch", "transformers", "peft", "harness"}
    groups = {group: recorded[group] for group in GROUPS}
    found = names(list(groups.values())) - versions - {phase.name for phase in PHASES}
    unexplained = {n for n in found if not any(fnmatch(n, text) for text in explained)}
    assert not unexplained
