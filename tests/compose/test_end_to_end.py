"""Two tasks from training to the table, in processes as people start them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import load
from harness.store import read_json

pytestmark = [pytest.mark.network, pytest.mark.slow]

TASKS = ("rotten_tomatoes", "bbc_news")


def run(results: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    few = ["merge.combination_types=[cat,dare_ties]", "merge.weights=[0.5,1]"]
    tiny = ["sweep=smoke", "method=lora", "size=4", *few, "merge.densities=[0.5]"]
    command = [sys.executable, "-m", "harness.compose", *tiny, f"results={results}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=500)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def first(results) -> subprocess.CompletedProcess[str]:
    done = run(results)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def written(first) -> dict[str, Any]:
    (file,) = json.loads(first.stdout.splitlines()[-1])["compositions"]
    content = read_json(Path(file))
    assert content is not None
    return content


def test_all_adapters_are_scored_on_all_tasks(written):
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


def test_separate_adapters_score_as_their_records_say(written, results):
    for row in written["rows"][1:3]:
        record = read_json(results / written["tasks"][row["adapter"]] / "record.json")
        assert record is not None
        assert row["quality"][row["adapter"]]["value"] == record["quality"]["value"]


def test_chosen_values_are_the_best_on_validation(written):
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


def test_composition_is_no_trial(written, results):
    assert set(load(results)["trial"]) == set(written["tasks"].values())


def test_second_run_trains_and_merges_nothing_and_says_the_same(first, results):
    before = {path: path.stat().st_mtime_ns for path in results.glob("*/*.json")}
    again = run(results)
    assert again.returncode == 0, again.stderr
    assert "trials to run" in first.stdout
    assert "merging the adapters" in first.stdout
    table = first.stdout[first.stdout.index("adapter  ") :]
    assert again.stdout == table
    assert {path: path.stat().st_mtime_ns for path in results.glob("*/*.json")} == before


def test_trial_that_fails_ends_its_composition_in_one_line(results):
    done = run(results, "train.learning_rate=1e30", "task=bbc_news,rotten_tomatoes")
    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[-1]) == {"compositions": [None]}
    lines = done.stderr.splitlines()
    assert lines
    assert all(line.startswith("diverged: lora on ") for line in lines)
