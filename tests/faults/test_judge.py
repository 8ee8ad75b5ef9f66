"""The judge of faults sees what is lost and what is done twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults import journal
from tests.faults.journal import Begin
from tests.faults.judge import Judge
from tests.faults.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """One trial that has ended, and one with a part."""
    study = Study(tmp_path, 2)
    write(study.results / "a" / "record.json", status="ok")
    write(study.results / "b" / "parts" / "plan.json")
    for trial in "ab":
        begin(study, trial, "plan")
    begin(study, "b", "train")
    return study


@pytest.fixture
def judge(study: Study) -> Judge:
    judge = Judge(study)
    judge.look()
    assert verdict(judge) == (0, 0)
    return judge


def write(path: Path, **content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": 4, **content}))


def begin(study: Study, trial: str, phase: str, had_ended: bool = False) -> None:
    journal.append(study.journal, Begin(trial, phase, 1, had_ended))


def verdict(judge: Judge) -> tuple[int, int]:
    judge.look()
    return len(judge.lost), len(judge.doubled)


def test_what_stays_as_it_is_was_neither_lost_nor_doubled(judge):
    assert verdict(judge) == (0, 0)


def test_records_and_parts_that_vanish_are_lost(judge, study):
    (study.results / "a" / "record.json").unlink()
    assert verdict(judge) == (1, 0)
    (study.results / "b" / "parts" / "plan.json").unlink()
    assert verdict(judge) == (2, 0)


def test_parts_give_way_to_their_record(judge, study):
    (study.results / "b" / "parts" / "plan.json").unlink()
    write(study.results / "b" / "record.json", status="ok")
    assert verdict(judge) == (0, 0)


def test_a_record_that_is_torn_is_lost(judge, study):
    path = study.results / "a" / "record.json"
    path.write_text(path.read_text()[:-1])
    assert verdict(judge)[0] > 0


def test_a_record_that_is_written_again_is_doubled_though_it_says_the_same(judge, study):
    path = study.results / "a" / "record.json"
    text = path.read_text()
    path.unlink()
    path.write_text(text)
    assert verdict(judge) == (0, 1)


def test_a_failed_record_may_be_written_again(judge, study):
    for _ in range(2):
        write(study.results / "b" / "record.json", status="killed")
        assert verdict(judge) == (0, 0)


def test_a_phase_that_left_nothing_may_begin_once_more(judge, study):
    begin(study, "b", "train")
    assert verdict(judge) == (0, 0)
    begin(study, "b", "train")
    begin(study, "b", "train")
    assert verdict(judge) == (0, 1)


@pytest.mark.parametrize("trial", ["a", "b"])
def test_a_phase_that_had_ended_may_not_begin_again(judge, study, trial):
    begin(study, trial, "plan")
    assert verdict(judge) == (0, 1)


def test_a_phase_that_begins_beside_its_own_part_is_doubled(judge, study):
    begin(study, "b", "merge", had_ended=True)
    assert verdict(judge) == (0, 1)


def test_what_the_fault_itself_damaged_may_be_done_again(judge, study):
    path = study.results / "b" / "parts" / "plan.json"
    judge.forget(path)
    path.unlink()
    begin(study, "b", "plan")
    assert verdict(judge) == (0, 0)


def test_trials_without_a_record_are_lost_in_the_end(judge):
    judge.whole()
    assert judge.lost[-1].startswith("a: ") or "1 of 2 trials" in judge.lost
