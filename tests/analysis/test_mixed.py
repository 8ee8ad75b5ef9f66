"""Studies whose records come from several library versions, machines, or places of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.analysis.mixed import Mixed, mixed
from harness.analysis.study import Study, studies
from harness.store import load
from tests import records

METHODS = ("lora", "houlsby", "ia3")


def study(tmp_path: Path, made: list[dict]) -> Study:
    (only,) = studies(load(records.write(tmp_path / "results", made)))
    return only


def of(tmp_path: Path, made: list[dict]) -> Mixed:
    return mixed(study(tmp_path, made))


def trained(made: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """The record, trained where these facts differ from where it was measured."""
    names = ("machine", "platform", "cpu", "cores", "gpu", "python", "torch", "transformers",
             "peft", "harness")  # fmt: skip
    place = {name: made["environment"].get(name) for name in names}
    made["environment"]["elsewhere"] = [{"phases": ["plan", "train"], **place, **changed}]
    return made


def test_records_without_these_fields_are_mixed_in_nothing(tmp_path: Path) -> None:
    found = of(tmp_path, [records.record(method) for method in METHODS])
    assert (found.versions, found.machines, found.moved, found.elsewhere) == ((), {}, 0, ())


def test_versions_are_told_by_the_libraries_that_differ_with_their_configurations(
    tmp_path: Path,
) -> None:
    made = [records.record(method) for method in METHODS]
    made[0]["environment"] |= {"torch": "2.12.0", "commit": "another"}
    found = of(tmp_path, made)
    assert found.versions == (("torch 2.13.0", 2), ("torch 2.12.0", 1))


def test_a_configuration_counts_once_under_each_version_that_one_of_its_seeds_has(
    tmp_path: Path,
) -> None:
    made = [records.record("lora", 8, seed) for seed in range(3)] + [records.record("full")]
    made[0]["environment"] |= {"peft": "0.20.0", "harness": None}
    assert dict(of(tmp_path, made).versions) == {"peft 0.21.2": 2, "peft 0.20.0": 1}


def test_versions_of_training_count_too(tmp_path: Path) -> None:
    made = [records.record(method) for method in METHODS]
    trained(made[0], torch="2.12.0")
    found = of(tmp_path, made)
    assert found.versions == (("torch 2.13.0", 3), ("torch 2.12.0", 1))
    assert [entry.method for entry in found.elsewhere] == ["lora"]
    assert found.elsewhere[0].elsewhere == ("torch 2.12.0",)


def test_a_harness_of_another_version_is_told_though_times_are_still_compared(
    tmp_path: Path,
) -> None:
    made = [records.record("lora"), records.record("ia3", environment__harness="0.2.0")]
    only = study(tmp_path, made)
    assert dict(mixed(only).versions) == {"harness 0.1.0": 1, "harness 0.2.0": 1}
    assert all(entry["unmerged_ms"].known for entry in only.entries)


def test_machines_of_one_kind_are_told_apart_and_their_times_stay_together(tmp_path: Path) -> None:
    made = [records.record(method) for method in METHODS]
    for row, machine in zip(made, ("aaaa", "bbbb", "bbbb"), strict=True):
        row["environment"]["machine"] = machine
    only = study(tmp_path, made)
    found = mixed(only)
    assert list(found.machines.values()) == [{"aaaa", "bbbb"}]
    assert len(only.environments) == 1
    assert all(entry["unmerged_ms"].known for entry in only.entries)


def test_training_on_a_twin_of_the_machine_moved_a_trial_and_changes_no_figure(
    tmp_path: Path,
) -> None:
    made = [records.record(method) for method in METHODS]
    for row in made:
        row["environment"]["machine"] = "aaaa"
    trained(made[1], machine="bbbb")
    found = of(tmp_path, made)
    assert (found.moved, found.elsewhere, found.versions) == (1, (), ())


def test_figures_are_grouped_by_where_they_were_measured_wherever_it_was_trained(
    tmp_path: Path,
) -> None:
    made = [records.record(method) for method in METHODS]
    for row in made:
        row["environment"]["machine"] = "aaaa"
    trained(made[1], machine="bbbb", cpu="A large CPU", cores=64)
    only = study(tmp_path, made)
    assert len(only.environments) == 1
    (moved,) = mixed(only).elsewhere
    assert moved.elsewhere == ("cpu A large CPU, cores 64",)
    for figure in ("unmerged_ms", "examples_per_s", "train_memory"):
        assert moved[figure].known, figure


def test_what_is_not_known_of_a_place_counts_nowhere(tmp_path: Path) -> None:
    made = [records.record(method) for method in METHODS]
    made[0]["environment"] = None
    made[1]["environment"]["elsewhere"] = None
    found = of(tmp_path, made)
    assert (found.versions, found.moved, found.elsewhere) == ((), 0, ())
