from __future__ import annotations

import os
import sys

import pytest

from harness.progress import Progress, quality_of


@pytest.fixture
def progress() -> Progress:
    found = Progress(4, {"trained": 2, "measured": 1})
    found.expect("trained", 4)
    found.expect("measured", 4)
    return found


def told(progress, capsys, phase, trial, seconds) -> str:
    progress.finished(phase, trial, seconds, "accuracy 0.5")
    return capsys.readouterr().out.strip().split(" ", 1)[1]


def test_line_says_which_trial_how_many_and_how_long(progress, capsys, trial_of):
    line = told(progress, capsys, "trained", trial_of("size=4"), 10.0)
    # three trainings left at half of 10 s, and four measurements that take as long
    assert line == (
        "trained 1/4 lora rank=4 seed=0 on rotten_tomatoes with minilm: accuracy 0.5"
        " (10 s; about 35 s left)"
    )


def test_phase_is_estimated_from_itself_once_it_was_seen(progress, capsys, trial_of):
    for _ in range(4):
        told(progress, capsys, "trained", trial_of("method=ia3"), 10.0)
    line = told(progress, capsys, "measured", trial_of("method=ia3"), 60.0)
    assert line.startswith("measured 1/4 ia3 seed=0 ")
    assert line.endswith("(60 s; about 3 min left)")


def test_last_line_has_nothing_left(progress, capsys, trial_of):
    progress.expect("trained", 0)
    progress.expect("measured", 1)
    assert told(progress, capsys, "measured", trial_of(), 1.0).endswith("(1 s)")


def test_a_listener_that_is_gone_ends_nothing(progress, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", closefd=False) as deaf:
        monkeypatch.setattr(sys, "stdout", deaf)
        progress.say("trained 1/4")
        with pytest.raises(BrokenPipeError):
            deaf.close()


def test_a_quality_on_few_examples_is_told_without_an_interval():
    quality = {"metric": "rouge_l", "value": 0.25, "ci_low": 0.2, "ci_high": 0.31}
    assert quality_of({"quality": quality}) == "rouge_l 0.250 [0.200, 0.310]"
    few = quality | {"ci_low": None, "ci_high": None}
    assert quality_of({"quality": few}) == "rouge_l 0.250"
