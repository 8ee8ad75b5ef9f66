from __future__ import annotations

import pytest

from harness.measure.speed import Speed, Work

S = 1_000_000_000
WORK = [Work(8, 100), Work(8, 300)]


def test_examples_and_tokens_of_known_times() -> None:
    figures = Speed(WORK, [1 * S, 3 * S], [1 * S, 3 * S]).figures()
    assert figures["examples_per_s"] == pytest.approx(32 / 8)
    assert figures["tokens_per_s"] == pytest.approx(800 / 8)
    assert figures["seconds_per_step"] == {"median_ms": 2000, "iqr_ms": 2000, "n": 4}


def test_steps_of_different_lengths_are_stable_if_each_takes_as_long_again() -> None:
    assert Speed(WORK, [1 * S, 9 * S], [1 * S, 9 * S]).stable


def test_the_same_step_in_twice_the_time_is_unstable() -> None:
    speed = Speed(WORK, [1 * S, 3 * S], [1 * S, 6 * S])
    assert not speed.stable
    assert speed.figures()["stable"] is False


def test_a_machine_that_is_slower_throughout_the_second_pass_is_no_spread() -> None:
    assert Speed(WORK, [100, 300], [108, 324]).stable
