"""What a sweep was asked for, written down and read back."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import manifest
from harness.errors import ConfigError
from harness.trials import Trial


@pytest.fixture
def trials(trial_of: Any, tmp_path: Path) -> list[Trial]:
    """Two trials under invented ids."""
    made = [trial_of("method=lora", "size=4"), trial_of("method=ia3", "seed=1")]
    return [
        Trial(f"{number:016x}", config, tmp_path / f"{number:016x}", ())
        for number, config in enumerate(made, start=10)
    ]


def written(results: Path, trials: list[Trial], *command: str) -> Path:
    path = manifest.write(results, trials, command)
    assert path is not None
    return path


def test_a_sweep_is_read_back_as_it_was_asked_for(tmp_path: Path, trials: list[Trial]) -> None:
    manifest.write(tmp_path, trials, ["-m", "harness", "-m", "method=lora,ia3", "size=[4, 8]"])
    (found,) = manifest.manifests(tmp_path)
    assert isinstance(found, manifest.Manifest)
    first, second = found.trials
    assert (first.id, first.method, first.stage) == ("000000000000000a", "lora", "final")
    assert second.name == "ia3 seed=1 on rotten_tomatoes with minilm"
    assert first.phases[:2] == ("plan", "train")
    assert {"memory", "latency"} <= set(first.phases)
    assert found.told == "python -m harness -m method=lora,ia3 'size=[4, 8]'"


def test_phases_are_those_that_the_trial_takes(tmp_path: Path, trials: list[Trial]) -> None:
    search = replace(trials[0], config=replace(trials[0].config, stage="search"))
    manifest.write(tmp_path, [search], [])
    (found,) = manifest.manifests(tmp_path)
    assert isinstance(found, manifest.Manifest)
    assert found.trials[0].phases == ("train",)


def test_the_same_trials_in_any_order_are_the_same_sweep(
    tmp_path: Path, trials: list[Trial]
) -> None:
    first = written(tmp_path, trials, "first")
    assert manifest.write(tmp_path, trials[::-1], ["second"]) == first
    assert manifest.write(tmp_path, trials[:1], ["third"]) != first
    found = list(manifest.manifests(tmp_path))
    commands = [each.command for each in found if isinstance(each, manifest.Manifest)]
    assert sorted(commands) == [("second",), ("third",)]
    assert len(list((tmp_path / manifest.FOLDER).iterdir())) == 2


def test_sweeps_come_in_the_order_of_their_start(tmp_path: Path, trials: list[Trial]) -> None:
    paths = [written(tmp_path, trials[:n], str(n)) for n in (1, 2)]
    for path, day in zip(paths, ("2026-02-03", "2026-01-03"), strict=True):
        plain = json.loads(path.read_text()) | {"started": f"{day}T00:00:00+00:00"}
        path.write_text(json.dumps(plain))
    commands = [each.command for each in manifest.manifests(tmp_path)]  # type: ignore[union-attr]
    assert commands == [("2",), ("1",)]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": 1}, "schema=1: is not that of now"),
        ({"trials": [{"id": "../../x"}]}, "trials.id=../../x"),
        ({"started": "yesterday"}, "started=yesterday"),
    ],
)
def test_one_that_cannot_be_read_is_told_beside_the_others(
    tmp_path: Path, trials: list[Trial], change: dict[str, Any], told: str
) -> None:
    manifest.write(tmp_path, trials[:1], [])
    path = written(tmp_path, trials)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    wrong, whole = manifest.manifests(tmp_path)
    assert isinstance(whole, manifest.Manifest)
    assert isinstance(wrong, ConfigError)
    assert str(path) in str(wrong)
    assert told in str(wrong)


def test_half_a_file_is_told_and_not_raised(tmp_path: Path, trials: list[Trial]) -> None:
    path = written(tmp_path, trials)
    path.write_bytes(path.read_bytes()[:100])
    (wrong,) = manifest.manifests(tmp_path)
    assert isinstance(wrong, ConfigError)
    assert str(wrong).count(str(path)) == 1


def test_a_folder_without_sweeps_has_none(tmp_path: Path) -> None:
    assert list(manifest.manifests(tmp_path)) == []


def test_own_command_is_what_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ["/usr/bin/python", "-m", "harness", "-m", "method.lora_alpha=8"]
    monkeypatch.setattr(sys, "orig_argv", typed)
    assert manifest.own_command() == ["-m", "harness", "-m", "method.lora_alpha=8"]


def test_jobs_of_a_sweep_that_was_written_down_write_none(
    tmp_path: Path, trials: list[Trial]
) -> None:
    with manifest.part_of_another():
        assert manifest.write(tmp_path, trials[:1], []) is None
    assert list(manifest.manifests(tmp_path)) == []
    assert manifest.write(tmp_path, trials, []) is not None
