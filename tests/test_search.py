"""Searches for learning rates on real data with the tiniest real model."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import runner, search, store, sweep
from harness.config import run_config
from harness.entry import compose
from harness.search import UNMEASURED, run_searched
from harness.search_config import search_config
from harness.sources import with_sources
from harness.trials import trial_of
from harness.workbench import Workbench

pytestmark = [pytest.mark.network, pytest.mark.slow]

Record = dict[str, Any]
FAST = [
    "sweep=smoke", "size=4", "train.steps=6", "measure.serving=null", "measure.capacity=null",
    "measure.forgetting=null", "measure.energy_seconds=null", "jobs=2",
]  # fmt: skip
GRID = "search=grid search.trials=2"


def run(results: Path, *trials: str, asked: str = "search=halving search.trials=6") -> list[Record]:
    """The final records of a sweep with a search."""
    common = [*FAST, f"results={results}", *asked.split()]
    cfgs = [compose([*common, *trial.split()]) for trial in trials]
    configs = [with_sources(cfg) for cfg in cfgs]
    return run_searched(configs, search_config(cfgs[0]), run_config(cfgs[0]))


def searched(results: Path) -> dict[str, list[Record]]:
    """The records of searches by method."""
    found = defaultdict(list)
    for record in store.records(results):
        if record["stage"] == "search":
            found[record["method"]].append(record)
    return dict(found)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


TRIALS = ("method=lora seed=0", "method=lora seed=1", "method=bitfit", "method=head")


@pytest.fixture(scope="module")
def finals(results: Path) -> list[Record]:
    return run(results, *TRIALS)


def test_every_method_that_takes_steps_gets_as_many_trials_and_examples(finals, results):
    found = searched(results)
    assert set(found) == {"lora", "bitfit"}, "a head is fitted, without a rate"
    for records in found.values():
        assert sorted(r["training"]["steps"] for r in records) == [2] * 6 + [6] * 2
        assert sum(r["training"]["examples"] for r in records) == 8 * (6 * 2 + 2 * 6)
        assert {r["seed"] for r in records} == {1000}


def test_rates_that_go_on_were_the_best_of_the_first_rung(finals, results):
    for records in searched(results).values():
        short = {_rate(r): _validation(r) for r in records if r["training"]["steps"] == 2}
        on = {_rate(r) for r in records if r["training"]["steps"] == 6}
        assert len(on) == 2
        assert min(short[rate] for rate in on) >= max(short[rate] for rate in set(short) - on)


def test_final_trials_are_ordinary_ones_at_the_rate_that_validates_best(finals, results):
    assert [r["method"] for r in finals] == ["lora", "lora", "bitfit", "head"]
    for record, trial in zip(finals, TRIALS, strict=True):
        assert (record["status"], record["stage"], record["phase"]) == ("ok", "final", "done")
        assert record["latency"]["unmerged_over_base"]
        assert record["quality"]["n"] == 64
        longest = [r for r in searched(results).get(record["method"], ()) if _steps(r) == 6]
        if longest:
            best = max(map(_validation, longest))
            assert _rate(record) in {_rate(r) for r in longest if _validation(r) == best}
            trial += f" train.learning_rate={_rate(record)}"
        plain = with_sources(compose([*FAST, *trial.split()]))
        assert trial_of(plain, results).id == record["trial"], "as if run at that rate by hand"
    assert _rate(finals[0]) == _rate(finals[1]), "one rate for all seeds"


def test_a_search_leaves_no_outcome_of_the_test_split_and_no_weights(finals, results):
    for record in (r for records in searched(results).values() for r in records):
        folder = results / record["trial"]
        assert {path.name for path in folder.iterdir()} == {"record.json", "log.txt"}
        quality = record["quality"]
        assert 0 <= quality["validation"] <= 1
        unknown = {name for name, value in quality.items() if value is None}
        assert unknown == {"value", "ci_low", "ci_high", "n", "majority"}
        assert record["training"]["curve"][-1]["validation"] == quality["validation"]


def test_a_search_never_asks_for_the_test_split(tmp_path, monkeypatch, trial_of):
    from harness.phases import train

    config = trial_of("sweep=smoke", "method=bitfit")
    encoded = Workbench.encoded

    def guarded(bench: Workbench, split: str) -> Any:
        assert split != "test"
        return encoded(bench, split)

    monkeypatch.setattr(Workbench, "encoded", guarded)
    asked = replace(config, stage="search", measure=UNMEASURED)
    assert train.run(Workbench(asked, tmp_path))["quality"]["value"] is None
    with pytest.raises(AssertionError):
        train.run(Workbench(config, tmp_path))


def test_running_again_starts_no_trial(finals, results, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in results.glob("*/*")}

    def no_process(*arguments: object) -> None:
        raise AssertionError("a process was started for a trial that is done")

    monkeypatch.setattr(runner, "Processes", no_process)
    # What is measured of the final trials is no part of the search, but here it is the same.
    assert run(results, *TRIALS) == finals
    assert {path: path.stat().st_mtime_ns for path in results.glob("*/*")} == before


def test_other_measurements_make_no_other_search(results, finals, trial_of):
    config = trial_of(*FAST, "method=lora")
    other = replace(config, measure=replace(config.measure, warmups=7))
    assert search._configuration(config) == search._configuration(other)
    assert search._configuration(config) == search._configuration(replace(config, seed=5))
    changed = replace(config, train=replace(config.train, batch_size=4))
    assert search._configuration(config) != search._configuration(changed)


def test_search_that_dies_between_rungs_goes_on_and_repeats_nothing(tmp_path, monkeypatch):
    calls = []

    def dying(configs: Any, run: Any) -> Any:
        calls.append(len(configs))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return sweep.run_sweep(configs, run)

    monkeypatch.setattr(search, "run_sweep", dying)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "method=bitfit")
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/record.json")}
    assert calls == [6, 2]
    assert len(kept) == 6
    monkeypatch.setattr(search, "run_sweep", sweep.run_sweep)
    (final,) = run(tmp_path, "method=bitfit")
    assert final["status"] == "ok"
    assert len(list(tmp_path.glob("*/record.json"))) == 6 + 2 + 1
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())
    for log in tmp_path.glob("*/log.txt"):
        assert sum("step 6/6" in line for line in log.read_text().splitlines()) <= 1


def test_a_rate_that_diverges_counts_as_worst_and_is_not_tried_again(tmp_path, capsys):
    wide = f"{GRID} search.low=1 search.high=1e30"
    (final,) = run(tmp_path, "method=full", asked=wide)
    assert (final["status"], _rate(final)) == ("ok", 1e-4)
    assert "learning_rate=0.0001 (validation 0." in capsys.readouterr().out
    diverged = [r for r in searched(tmp_path)["full"] if r["status"] == "diverged"]
    assert [r["config"]["train"]["learning_rate"] for r in diverged] == [1e26]
    written = (tmp_path / diverged[0]["trial"] / "record.json").stat().st_mtime_ns
    assert run(tmp_path, "method=full", asked=wide) == [final]
    assert (tmp_path / diverged[0]["trial"] / "record.json").stat().st_mtime_ns == written


def test_without_a_rate_that_ends_well_the_trial_fails_and_the_others_go_on(tmp_path):
    command = [
        sys.executable, "-m", "harness", "-m", *FAST, f"results={tmp_path}", *GRID.split(),
        "search.low=1e30", "search.high=1e34", "method=full,head",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    trials = json.loads(done.stdout.splitlines()[-1])["trials"]
    assert [trial["status"] for trial in trials] == ["failed", "ok"]
    failed = store.read_json(Path(trials[0]["record"]))
    assert failed is not None
    assert (failed["phase"], failed["stage"]) == ("search", "final")
    assert failed["reason"].startswith("no learning rate of the search ended well; diverged: ")
    assert failed["reason"] in done.stderr
    assert "search: 1 configuration: 2 rates × 6 steps" in done.stdout
    assert "2 trials, 96 examples in all" in done.stdout


def test_what_needs_too_much_memory_is_left_out_as_without_a_search(tmp_path):
    (final,) = run(tmp_path, "method=bitfit max_memory=1MiB", asked=f"{GRID} max_memory=1MiB")
    assert (final["status"], final["phase"]) == ("skipped", "plan")
    assert {r["status"] for r in searched(tmp_path)["bitfit"]} == {"skipped"}


def test_what_cannot_run_is_refused_once_and_not_searched(tmp_path):
    (final,) = run(tmp_path, "method=lora size=500", asked=f"{GRID} size=500")
    assert (final["status"], final["phase"]) == ("failed", "check")
    assert final["reason"].startswith("method.rank=500: must be at most 128")
    assert searched(tmp_path) == {}


def _rate(record: Record) -> float:
    rate: float = record["training"]["learning_rate"]
    return rate


def _steps(record: Record) -> int:
    steps: int = record["training"]["steps"]
    return steps


def _validation(record: Record) -> float:
    validation: float = record["quality"]["validation"]
    return validation
