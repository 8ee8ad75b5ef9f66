"""Data that phases share comes out as it went in, and is made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config import TrialConfig
from harness.tasks import prepared
from harness.tasks.data import load
from harness.tasks.encoded import Encoded
from harness.tasks.prepared import Prepared
from harness.tasks.splits import SPLITS
from tests.tasks.conftest import MakeTask, reviews


@pytest.fixture
def trial(trial_of: Callable[..., TrialConfig], task_of: MakeTask) -> TrialConfig:
    return replace(trial_of(), task=task_of(reviews()))


def no_reading(*arguments: Any) -> Any:
    raise AssertionError("it was made a second time")


def test_data_comes_out_as_it_was_made_and_is_made_once(
    trial: TrialConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = load(trial.task)
    Prepared(tmp_path / "kept", trial).data()
    monkeypatch.setattr(prepared, "load", no_reading)
    found = Prepared(tmp_path / "kept", trial).data()
    assert (found.labels, found.counts) == (expected.labels, expected.counts)
    for split in SPLITS:
        assert getattr(found, split).to_dict() == getattr(expected, split).to_dict()
        assert getattr(found, split).features == getattr(expected, split).features


def test_another_task_is_other_data(trial: TrialConfig, tmp_path: Path) -> None:
    fewer = replace(trial, task=replace(trial.task, limit={"train": 3}))
    lengths = [len(Prepared(tmp_path / "kept", each).data().train) for each in (trial, fewer)]
    assert lengths[0] > 3 == lengths[1]


def test_without_a_folder_nothing_is_kept(trial: TrialConfig, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert Prepared(None, trial).data().train.to_dict() == load(trial.task).train.to_dict()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("pad_left", [True, False])
@pytest.mark.parametrize("labels", [[0, 1, 0], [0.1, -1e9, 1 / 3], [[-100, 2], [7], [8, 9, 1]]])
def test_tokens_come_out_as_they_went_in(tmp_path: Path, pad_left: bool, labels: Any) -> None:
    encoded = Encoded([[5], [6, 7, 8], [9, 1]], labels, pad_id=99, pad_left=pad_left)
    encoded.write(tmp_path)
    assert Encoded.read(tmp_path) == encoded


def test_tokens_are_made_once_per_split(trial: TrialConfig, tmp_path: Path) -> None:
    kept = Prepared(tmp_path / "kept", trial)
    made = {
        split: Encoded([[number], [7, 8]], [0, 1], pad_id=0, pad_left=False)
        for number, split in enumerate(("train", "test"))
    }
    for split, encoded in made.items():
        assert kept.encoded(split, lambda encoded=encoded: encoded) == encoded
    for split, encoded in made.items():
        assert kept.encoded(split, no_reading) == encoded


def test_what_another_process_made_meanwhile_stays(
    trial: TrialConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "kept"

    def slow(task: Any) -> Any:
        monkeypatch.setattr(prepared, "load", load)
        Prepared(folder, trial).data()
        return load(task)

    monkeypatch.setattr(prepared, "load", slow)
    Prepared(folder, trial).data()
    (place,) = folder.iterdir()
    assert not place.name.startswith("."), "nothing unfinished is left"
