"""The command as people type it: which trials belong together, and two tasks from end to end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import entry, load
from harness.compose.__main__ import Composition, compositions
from harness.compose.evaluation import check
from harness.errors import ConfigError
from harness.store import read_json

TASKS = ("rotten_tomatoes", "bbc_news")


@pytest.fixture
def composed(monkeypatch, tmp_path):
    """The compositions of a command line."""

    def call(*arguments: str) -> list[Composition]:
        monkeypatch.setattr(sys, "argv", ["harness", f"results={tmp_path}", *arguments])
        return compositions(entry.configs("compose"))

    return call


def test_trials_are_those_of_the_harness_with_the_same_keys(composed, trial_of):
    keys = ("model=bert_tiny", "method=lora", "size=4", "task.limit.train=64", "seed=3")
    (found,) = composed(*keys)
    assert found.trials == tuple(trial_of(*keys, f"task={task}") for task in TASKS)


def test_preset_gives_its_recipe_and_the_tasks_stay(composed):
    (found,) = composed("sweep=quick", "method=lora", "size=4")
    assert [trial.task.name for trial in found.trials] == list(TASKS)
    assert {trial.train.steps for trial in found.trials} == {96}


def test_sizes_and_seeds_are_compositions_of_their_own(composed):
    found = composed("size=4,8", "seed=0,1")
    assert len(found) == 4
    for composition in found:
        assert [trial.task.name for trial in composition.trials] == list(TASKS)
        assert len({(trial.method.size, trial.seed) for trial in composition.trials}) == 1


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("task=bbc_news", "task=bbc_news: merging takes two tasks or more"),
        ("task=bbc_news,bbc_news", "task=bbc_news: names two of the tasks"),
        ("task=bbc_news,roten_tomatoes", "task=roten_tomatoes: did you mean rotten_tomatoes"),
        ("merge.combination_types=[tise]", "merge.combination_types=tise: did you mean ties"),
        ("merge.weights=[0]", "merge.weights=0: should be greater than 0"),
        ("merge.weights=0.5", "merge.weights=0.5: should be a list in brackets"),
        ("merge.densities=[1.5]", "merge.densities=1.5: should be less than or equal to 1"),
        ("merge.density=[1.5]", "merge.density=.*: is not a known key; did you mean densities"),
    ],
)
def test_wrong_input_is_named(composed, argument, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        composed(argument)


@pytest.mark.network
@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (["method=lora"], None),
        (["method=houlsby"], "method=houlsby: peft merges adapters of type LORA only"),
        (["method=ia3"], "method=ia3: peft merges adapters of type LORA only, not IA3"),
        (["method=full"], "method=full: trains no adapter beside the base"),
        (["method=lora", "size=500"], "method.rank=500: must be at most 128"),
        (
            ["method=lora", "+method.use_dora=true"],
            "method.use_dora=True: peft merges the low-rank",
        ),
        (["method=lora", "+method.use_rslora=true"], "method.use_rslora=True: "),
        (["method=lora", "+method.lora_bias=true"], "method.lora_bias=True: "),
    ],
)
def test_method_that_cannot_be_merged_is_refused_before_any_training(trial_of, overrides, problem):
    found = check(trial_of("model=bert_tiny", *overrides).as_dict())["problem"]
    assert found is None if problem is None else found.startswith(problem)


def run(results: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    few = ["merge.combination_types=[cat,dare_ties]", "merge.weights=[0.5,1]"]
    tiny = ["sweep=smoke", "method=lora", "size=4", *few, "merge.densities=[0.5]"]
    command = [sys.executable, "-m", "harness.compose", *tiny, f"results={results}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=500)


@pytest.mark.network
@pytest.mark.slow
class TestEndToEnd:
    @pytest.fixture(scope="class")
    def results(self, tmp_path_factory) -> Path:
        return tmp_path_factory.mktemp("results")

    @pytest.fixture(scope="class")
    def first(self, results) -> subprocess.CompletedProcess[str]:
        done = run(results)
        assert done.returncode == 0, done.stderr
        return done

    @pytest.fixture(scope="class")
    def written(self, first) -> dict[str, Any]:
        (file,) = json.loads(first.stdout.splitlines()[-1])["compositions"]
        content = read_json(Path(file))
        assert content is not None
        return content

    def test_all_adapters_are_scored_on_all_tasks(self, written):
        rows = [(row["adapter"], row["kind"], row["rank"]) for row in written["rows"]]
        assert rows == [
            ("base", "base", None),
            ("rotten_tomatoes", "separate", 4),
            ("bbc_news", "separate", 4),
            ("cat", "merged", 8),
            ("dare_ties", "merged", 4),
        ]
        for row in written["rows"]:
            assert set(row["quality"]) == set(TASKS)
            for quality in row["quality"].values():
                assert quality["ci_low"] <= quality["value"] <= quality["ci_high"]
                assert quality["n"] == 64

    def test_separate_adapters_score_as_their_records_say(self, written, results):
        for row in written["rows"][1:3]:
            record = read_json(results / written["tasks"][row["adapter"]] / "record.json")
            assert record is not None
            assert row["quality"][row["adapter"]]["value"] == record["quality"]["value"]

    def test_chosen_values_are_the_best_on_validation(self, written):
        assert len(written["candidates"]) == 2 + 2
        for row in written["rows"][3:]:
            tried = [
                candidate
                for candidate in written["candidates"]
                if candidate["combination_type"] == row["adapter"]
            ]
            means = [sum(candidate["validation"].values()) / 2 for candidate in tried]
            chosen = tried[means.index(max(means))]
            assert {k: v for k, v in chosen.items() if k != "validation"} == row["merge"]

    def test_composition_is_no_trial(self, written, results):
        assert set(load(results)["trial"]) == set(written["tasks"].values())

    def test_second_run_trains_and_merges_nothing_and_says_the_same(self, first, results):
        before = {path: path.stat().st_mtime_ns for path in results.glob("*/*.json")}
        again = run(results)
        assert again.returncode == 0, again.stderr
        assert "trials to run" in first.stdout
        assert "merging the adapters" in first.stdout
        table = first.stdout[first.stdout.index("adapter  ") :]
        assert again.stdout == table
        assert {path: path.stat().st_mtime_ns for path in results.glob("*/*.json")} == before

    def test_trial_that_fails_ends_its_composition_in_one_line(self, results):
        done = run(results, "train.learning_rate=1e30", "task=bbc_news,rotten_tomatoes")
        assert done.returncode == 1
        assert json.loads(done.stdout.splitlines()[-1]) == {"compositions": [None]}
        lines = done.stderr.splitlines()
        assert lines
        assert all(line.startswith("diverged: lora on ") for line in lines)
