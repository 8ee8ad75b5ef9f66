from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis.evidence import evidence
from harness.analysis.study import Study, studies
from harness.errors import Unreadable
from harness.store import load
from tests import records


def study(folder: Path, made: list[dict]) -> Study:
    (only,) = studies(load(records.write(folder, made)))
    return only


def test_seeds_of_one_configuration_are_one_entry(tmp_path: Path) -> None:
    made = [records.record("lora", 8, seed) for seed in (0, 1, 2)]
    (entry,) = study(tmp_path, made).entries
    assert sorted(entry.seeds) == [0, 1, 2]
    assert sorted(entry.trials) == sorted(row["trial"] for row in made)
    mean = sum(row["quality"]["value"] for row in made) / 3
    assert entry["quality"].value == pytest.approx(mean)


def test_recipes_that_differ_are_entries_told_apart_by_name(tmp_path: Path) -> None:
    made = [records.record("lora", 8, config__train__steps=steps) for steps in (100, 600)]
    labels = {entry.label for entry in study(tmp_path, made).entries}
    assert labels == {"lora 8 (steps=100)", "lora 8 (steps=600)"}


def test_models_tasks_and_other_cuts_of_a_task_are_studies_of_their_own(tmp_path: Path) -> None:
    made = [
        records.record("lora", 8),
        records.record("lora", 8, task="bbc_news"),
        records.record("lora", 8, model="bert_tiny"),
        records.record("lora", 8, config__task__max_length=32),
    ]
    found = studies(load(records.write(tmp_path, made)))
    assert len(found) == 4
    assert all(len(one.entries) == 1 for one in found)


def test_a_failure_is_kept_apart_with_its_reason(tmp_path: Path) -> None:
    made = [records.record("lora", 8), records.failed("diverged", "no", method="lora", size=64)]
    only = study(tmp_path, made)
    assert [entry.label for entry in only.entries] == ["lora 8"]
    (failure,) = only.failures
    assert (failure.label, failure.status, failure.reason) == ("lora 64, seed 0", "diverged", "no")


def test_times_and_memory_of_another_machine_are_withheld_and_quality_is_not(
    tmp_path: Path,
) -> None:
    made = [
        records.record("lora", 8),
        records.record("houlsby", 8),
        records.record("ia3", environment__cpu="Another CPU", memory__train__source="cuda"),
    ]
    (foreign,) = (e for e in study(tmp_path, made).entries if e.method == "ia3")
    for figure in ("unmerged", "merged", "deployed", "examples_per_s", "train_memory"):
        assert foreign[figure].value is None
        assert "not comparable" in foreign[figure].reason
    assert "Another CPU" in foreign["unmerged"].reason
    assert foreign["quality"].known


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("environment__torch", "2.14.0"),
        ("latency__shape__batch_size", 4),
        ("environment__threads", 8),
    ],
)
def test_libraries_shapes_and_threads_count_as_another_environment(
    tmp_path: Path, field: str, value: object
) -> None:
    made = [records.record("lora", 8), records.record("full"), records.record("ia3")]
    records.change(made[2], field, value)
    (foreign,) = (e for e in study(tmp_path, made).entries if e.method == "ia3")
    assert not foreign["unmerged"].known


def test_only_the_seeds_of_the_common_environment_are_pooled(tmp_path: Path) -> None:
    made = [records.record("lora", 8, seed) for seed in (0, 1)]
    made.append(records.record("lora", 8, 2, environment__cpu="Another CPU"))
    made[2]["latency"]["unmerged_over_base"] = {"value": 9.0, "ci_low": 9.0, "ci_high": 9.0}
    (entry,) = study(tmp_path, made).entries
    assert entry["unmerged"].value < 2


def test_why_something_cannot_be_merged_is_its_missing_figures_reason(tmp_path: Path) -> None:
    only = study(tmp_path, [records.record("houlsby", 8), records.record("full")])
    reasons = {entry.method: entry["merged"].reason for entry in only.entries}
    assert reasons == {
        "houlsby": "its modules are not linear in the weights",
        "full": "trained in place",
    }


def test_every_group_may_be_null(tmp_path: Path) -> None:
    groups = ("parameters", "quality", "memory", "latency", "training", "merge", "environment")
    made = records.record("lora", 8) | dict.fromkeys(groups)
    (entry,) = study(tmp_path, [made]).entries
    assert not any(estimate.known for estimate in entry.figures.values())
    assert all(estimate.reason for estimate in entry.figures.values())


def test_an_empty_table_is_no_study(tmp_path: Path) -> None:
    assert studies(load(tmp_path)) == ()


DAMAGED = [
    "{", "[]", "{}", '{"ids": ["a", "b"], "correct": [1]}', '{"ids": 2, "correct": [1]}',
    '{"ids": ["a", "b"], "correct": [[1], [1, 2]]}', '{"ids": ["a"], "correct": ["x"]}',
    '{"ids": ["a"], "correct": [2]}', '{"ids": ["a"], "correct": null}',
    '{"ids": ["a"], "metric": "accuracy", "scores": [1.5]}', '{"ids": ["a"], "scores": [1]}',
    '{"ids": ["a"], "metric": "bleu", "scores": [1]}', '{"ids": ["a"], "metric": [], "scores": []}',
    '{"ids": ["a"], "metric": "perplexity", "nats": [1]}',
    '{"ids": ["a"], "metric": "perplexity", "nats": [1], "tokens": [1, 2]}',
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_evidence_weakens_a_comparison_and_stops_nothing(
    tmp_path: Path, content: str
) -> None:
    made = records.record("lora", 8)
    records.write(tmp_path, [made])
    (tmp_path / made["trial"] / "outcomes.json").write_text(content)
    frame = load(tmp_path)
    with pytest.warns(Unreadable, match=r"outcomes\.json: .*; left out"):
        assert evidence(frame)[made["trial"]].outcomes is None
    assert studies(frame)[0].entries[0].label == "lora 8"


def test_floor_and_ceiling_are_the_head_and_the_full(tmp_path: Path) -> None:
    only = study(tmp_path, records.quick())
    assert (only.floor.label, only.ceiling.label) == ("head", "full")
