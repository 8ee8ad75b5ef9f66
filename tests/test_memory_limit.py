"""Trials that a sweep leaves out, since they need more memory than there may be."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import load, runner, select, store, sweep
from harness.analysis.constraints import Constraints
from harness.config import SCHEMA, run_config
from harness.entry import compose
from harness.errors import ConfigError
from harness.isolation import Outcome
from harness.memory_limit import too_large
from harness.sources import with_sources
from harness.trials import PARTS, Trial, trial_of

GIB = 2**30
REASON = "needs 9.5 GiB by the plan, more than max_memory=8 GiB"
FUSION = "method=adapter_fusion method.adapters=[bbc_news,rotten_tomatoes]"


def planned(folder: Path, train: Any, inference: Any, sources: tuple[Trial, ...] = ()) -> Trial:
    """A trial whose plan has these peaks in GiB."""
    memory = {
        phase: {"predicted": None if peak is None else int(peak * GIB)}
        for phase, peak in (("train", train), ("inference", inference))
    }
    part = {"schema": SCHEMA, "groups": {"memory": memory}}
    store.write_json(folder / PARTS / "plan.json", part)
    config = with_sources(compose(["method=bitfit"]))
    return Trial(folder.name, config, folder, sources)


@pytest.mark.parametrize(
    ("train", "inference", "reason"),
    [
        (9.5, 1, REASON),
        (1, 9.5, REASON),
        (8, 8, None),
        (None, 9.5, REASON),
        (None, 1, None),
        (None, None, None),
    ],
)
def test_the_larger_peak_must_not_exceed_the_limit(tmp_path, train, inference, reason):
    trial = planned(tmp_path / "a", train, inference)
    assert too_large([trial], 8 * GIB).get("a") == reason


def test_what_builds_on_a_trial_that_is_too_large_goes_with_it(tmp_path):
    large, small = planned(tmp_path / "large", 9.5, 1), planned(tmp_path / "small", 1, 1)
    fusion = planned(tmp_path / "fusion", 1, 1, (small, large))
    found = too_large([large, small, fusion], 8 * GIB)
    assert found == {"large": REASON, "fusion": f"it builds on trial large, which {REASON}"}


def test_plan_of_another_schema_is_none(tmp_path):
    trial = planned(tmp_path / "a", 9.5, 1)
    path = tmp_path / "a" / PARTS / "plan.json"
    store.write_json(path, {**(store.read_json(path) or {}), "schema": SCHEMA - 1})
    assert too_large([trial], 8 * GIB) == {}


@pytest.mark.parametrize("amount", ["8 gigs", "0", "-1GiB"])
def test_limit_that_is_no_amount_of_memory_is_refused(amount):
    with pytest.raises(ConfigError, match="max_memory"):
        run_config(compose([f"max_memory={amount}"]))


def test_limit_is_no_part_of_a_trials_identity():
    assert with_sources(compose([])) == with_sources(compose(["max_memory=8GiB"]))


class Machine:
    """Stands in for the processes: plans foresee what is set here, and every training fails."""

    def __init__(self) -> None:
        self.needs: dict[str, Any] = {}
        """GiB by method; None is not foreseen."""
        self.started: list[str] = []
        self.said: list[str] = []
        self._tasks: list[Any] = []

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, task: Any) -> None:
        if task.key != "check":
            method = task.arguments["config"]["method"]["name"]
            self.started.append(f"{task.arguments['phase']} {method}")
        self._tasks.append(task)

    def wait(self) -> Outcome:
        task = self._tasks.pop(0)
        if task.key == "check":
            return Outcome(task.key, "ok", value={"problems": {}, "devices": {"cpu": "cpu"}})
        if task.arguments["phase"] != "plan":
            return Outcome(task.key, "diverged", reason="the loss is nan at step 2")
        needs = self.needs[task.arguments["config"]["method"]["name"]]
        peak = {"predicted": None if needs is None else int(needs * GIB)}
        reason = "TypeError: no plan" if needs is None else None
        memory = {"train": peak, "inference": peak, "unpredicted": reason}
        return Outcome(task.key, "ok", value={"memory": memory})

    def kill(self, key: str) -> None: ...

    def stop(self) -> None: ...


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # locks of its own
    monkeypatch.setattr(runner, "Processes", lambda threads: found)
    monkeypatch.setattr(sweep.Progress, "say", lambda _, told: found.said.append(told))
    return found


@pytest.fixture
def run(tmp_path: Path, machine: Machine) -> Callable[..., dict[str, dict[str, Any]]]:
    def call(limit: str, *methods: str) -> dict[str, dict[str, Any]]:
        given = ["sweep=smoke", f"results={tmp_path}", f"max_memory={limit}"]
        cfgs = [compose([*given, *method.split()]) for method in methods]
        machine.started.clear()
        machine.said.clear()
        configs = [with_sources(cfg) for cfg in cfgs]
        return {r["method"]: r for r in sweep.run_sweep(configs, run_config(cfgs[0]))}

    return call


@pytest.mark.network
class TestSweep:
    def test_all_plans_are_made_before_the_first_training(self, run, machine):
        machine.needs = {"bitfit": 1, "full": 9.5, "lora": 2}
        found = run("8GiB", "method=bitfit", "method=full", "method=lora size=4")
        assert machine.started == ["plan bitfit", "plan full", "plan lora",
                                   "train bitfit", "train lora"]  # fmt: skip
        full = found["full"]
        assert (full["status"], full["reason"], full["phase"]) == ("skipped", REASON, "plan")
        assert full["memory"]["train"]["predicted"] == 9.5 * GIB
        assert full["quality"] is None
        told = [line for line in machine.said if line.startswith("skipped")]
        assert told == [f"skipped: full seed=0 on rotten_tomatoes with bert_tiny: {REASON}"]

    def test_without_a_limit_each_trial_goes_on_after_its_plan(self, run, machine):
        machine.needs = {"bitfit": 1, "full": 9.5}
        run("null", "method=bitfit", "method=full")
        assert machine.started == ["plan bitfit", "train bitfit", "plan full", "train full"]

    def test_the_same_limit_skips_again_without_a_process(self, run, machine):
        machine.needs = {"full": 9.5}
        first = run("8GiB", "method=full")
        assert machine.started == ["plan full"]
        assert run("8GiB", "method=full") == first
        assert machine.started == []
        assert len(machine.said) == 1

    @pytest.mark.parametrize("limit", ["null", "10GiB"])
    def test_a_larger_limit_or_none_goes_on_where_it_was_left(self, run, machine, limit):
        machine.needs = {"full": 9.5}
        run("8GiB", "method=full")
        assert run(limit, "method=full")["full"]["status"] == "diverged"
        assert machine.started == ["train full"]

    def test_what_is_not_foreseen_runs_and_is_told(self, run, machine):
        machine.needs = {"bitfit": None}
        assert run("8GiB", "method=bitfit")["bitfit"]["status"] == "diverged"
        assert (
            "not foreseen: bitfit seed=0 on rotten_tomatoes with bert_tiny:"
            " TypeError: no plan; it runs"
        ) in machine.said

    def test_fusion_goes_with_its_sources_before_they_are_trained(self, run, machine):
        machine.needs = {"pfeiffer": 9.5, "adapter_fusion": 1}
        fusion = run("8GiB", FUSION)["adapter_fusion"]
        assert fusion["status"] == "skipped"
        source = trial_of(with_sources(compose(["sweep=smoke", *FUSION.split()])), Path()).sources
        assert fusion["reason"] == f"it builds on trial {source[0].id}, which {REASON}"
        assert not [phase for phase in machine.started if phase.startswith("train")]


@pytest.mark.network
@pytest.mark.slow
def test_what_is_left_out_is_no_failure_and_no_result(tmp_path):
    # Full fine-tuning of 4.4 million numbers holds four copies of them, of 4 bytes each: 67 MiB.
    given = ["sweep=smoke", "max_memory=60MiB", f"results={tmp_path}"]
    command = [sys.executable, "-m", "harness", "-m", *given, "method=bitfit,full"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    told = [line for line in done.stdout.splitlines() if " skipped: " in line]
    assert len(told) == 1
    assert "full seed=0 on rotten_tomatoes with bert_tiny: needs " in told[0]
    assert [trial["status"] for trial in load_last(done.stdout)] == ["ok", "skipped"]
    frame = load(tmp_path).set_index("method")
    assert frame["status"].to_dict() == {"bitfit": "ok", "full": "skipped"}
    assert frame.loc["full", "memory.train.predicted"] > 60 * 2**20
    choice = select(load(tmp_path), Constraints())
    assert [entry.method for entry in choice.study.entries] == ["bitfit"]
    assert not choice.study.failures


def load_last(printed: str) -> list[dict[str, Any]]:
    trials: list[dict[str, Any]] = json.loads(printed.splitlines()[-1])["trials"]
    return trials
