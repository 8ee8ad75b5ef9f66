"""Figures of others beside our own: what may share a column, and what may not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.analysis.choice import Constraints, select
from harness.analysis.scenarios import answers
from harness.analysis.study import Study, studies
from harness.ingest.folder import ingest
from harness.store import load
from tests import published, records

GIB = 2**30
GPU = "NVIDIA L40S"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("foreign") / "results"
    ingest(published.everything(results.parent / "json"), results)
    return results


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    (only,) = studies(load(folder))
    return only


def beside(tmp_path: Path, *own: dict) -> Study:
    """The study of a published LoRA and of records of ours that say the same of model and task."""
    results = tmp_path / "results"
    (foreign,) = ingest(
        published.write(tmp_path / "json", {"a.json": published.result()}), results
    ).records
    for made in own:
        made["config"] |= {part: foreign["config"][part] for part in ("model", "task")}
    records.write(results, list(own), with_outcomes=False)
    (only,) = studies(load(results))
    return only


def ours(**changes: object) -> dict:
    return records.record(model="llama3_2_3b", task="metamathqa", **changes)


def on_the_same_gpu() -> dict[str, object]:
    return {"environment__gpu": GPU, "environment__cpu": None}


def test_every_published_run_is_a_configuration_with_a_label_of_its_own(study):
    assert len(study.entries) == len(published.ROWS)
    assert len({entry.label for entry in study.entries}) == len(published.ROWS)
    assert all(entry.foreign.startswith("peft method_comparison, ") for entry in study.entries)
    assert all(entry.seeds == (0,) for entry in study.entries)
    labels = {entry.foreign.split(", ")[1]: entry.label for entry in study.entries}
    assert labels["lora/llama-3.2-3B-rank64-rslora"] == (
        "lora 64 (lora_alpha=64, use_rslora=True, steps=5000)"
    )
    assert labels["lora/llama-3.2-3B-rank64-steps1000-ff"] == (
        "lora 64 (lora_alpha=128, fast_forward=True, steps=1000)"
    )


def test_reserved_memory_stands_for_a_study_that_knows_no_other_and_within_one_gpu_only(study):
    assert study.basis.peak == "reserved"
    for entry in study.entries:
        row = published.ROWS[entry.foreign.split(", ")[1]]
        peak = int(row["reserved_max"]) if row["gpu"] == GPU else None
        assert entry["train_memory"].value == peak
        if peak is None:
            assert row["gpu"] in entry["train_memory"].reason


def test_speeds_of_several_machines_or_versions_never_share_a_column(study):
    shown = [e for e in study.entries if e["examples_per_s"].known]
    rows = [published.ROWS[e.foreign.split(", ")[1]] for e in shown]
    assert 1 < len(shown) < len(study.entries)
    alike = ("gpu", "torch", "transformers", "peft", "kernel")
    assert len({tuple(row[name] for name in alike) for row in rows}) == 1


def test_best_within_21_gib_is_the_best_published_run_that_fits(folder):
    fitting = [
        row
        for row in published.ROWS.values()
        if row["gpu"] == GPU and int(row["reserved_max"]) <= 21 * GIB
    ]
    best = max(fitting, key=lambda row: int(row["right"]))
    choice = select(load(folder), Constraints(max_train_memory=21 * GIB))
    assert choice.pick is not None
    assert choice.pick.foreign.split(", ")[1] == best["experiment"]
    told = json.loads(json.dumps(choice.as_dict()))
    assert told["train_memory_is"] == "reserved"
    assert choice.how_sure.endswith("One seed: a hint.")


def test_needs_are_answered_by_nothing_that_learned_nothing(study):
    best = study.best()
    assert best is not None
    enough = [answer for answer in answers(study) if answer.scenario.enough and answer.choice]
    assert len(enough) > 1
    for answer in enough:
        pick = answer.choice.pick
        assert pick is not None
        assert pick["quality"].value >= 0.5 * best["quality"].value


@pytest.mark.parametrize("where", [{}, on_the_same_gpu()])
def test_own_times_and_memory_are_never_beside_foreign_ones(tmp_path, where):
    own = [ours(method=m, size=32, **where) for m in ("lora", "houlsby")]
    study = beside(tmp_path, *own)
    foreign = next(entry for entry in study.entries if entry.foreign)
    assert study.basis.peak == "allocated"
    assert not foreign["examples_per_s"].known
    assert "not comparable" in foreign["examples_per_s"].reason
    assert not foreign["train_memory"].known
    for entry in study.entries:
        if not entry.foreign:
            assert entry["examples_per_s"].known
            assert entry["unmerged"].known
            assert entry["train_memory"].known


def test_foreign_run_is_no_further_seed_of_our_own(tmp_path):
    foreign = ingest(
        published.write(tmp_path / "first", {"a.json": published.result()}), tmp_path / "r"
    ).records[0]
    own = ours(method="lora", size=32, seed=1)
    own["config"] = json.loads(json.dumps(foreign["config"])) | {"seed": 1}
    study = beside(tmp_path, own)
    assert [entry.seeds for entry in study.entries] in ([(0,), (1,)], [(1,), (0,)])
    labels = {bool(entry.foreign): entry.label for entry in study.entries}
    assert labels == {True: "lora 32 (origin=peft method_comparison)", False: "lora 32"}


def test_experiments_of_one_recipe_are_no_seeds_of_each_other(tmp_path):
    again = published.result(run_info__experiment_name="lora/again")
    folder = published.write(tmp_path / "json", {"a.json": published.result(), "b.json": again})
    ingest(folder, tmp_path / "results")
    (study,) = studies(load(tmp_path / "results"))
    assert [entry.seeds for entry in study.entries] == [(0,), (0,)]
    assert {entry.label for entry in study.entries} == {
        "lora 32 (run=lora/again)",
        "lora 32 (run=lora/llama-3.2-3B-rank32)",
    }


def test_own_records_of_several_libraries_share_memory_but_no_times():
    own = [records.record(method="lora", size=8), records.record(method="houlsby", size=8)]
    other = records.record(method="ia3", environment__torch="2.9.0")
    (study,) = studies(records.frame([*own, other]))
    changed = next(entry for entry in study.entries if entry.method == "ia3")
    assert changed["train_memory"].known
    assert not changed["examples_per_s"].known
    assert not changed["unmerged"].known
