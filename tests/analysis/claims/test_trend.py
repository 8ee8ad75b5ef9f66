from __future__ import annotations

from math import atanh, sqrt, tanh

import numpy as np
import pytest

from harness.analysis.claims import CONTRADICTED, SUPPORTED, UNDECIDED, Verdict
from harness.analysis.claims.selection import Chosen
from harness.analysis.claims.trend import rises_with
from tests import records
from tests.analysis.claims.made import study

ALL = Chosen(without=("full", "head"))


def judged(peaks: list[int]) -> Verdict:
    made = [
        records.record("lora", size, memory__train__allocated_peak=peak)
        for size, peak in enumerate(peaks, 1)
    ]
    return rises_with(study(made), which=ALL, figure="train_memory", with_figure="trainable")


def test_what_rises_together_is_supported() -> None:
    assert judged(list(range(100, 112))).verdict == SUPPORTED


def test_what_falls_as_the_other_rises_is_contradicted() -> None:
    assert judged(list(range(112, 100, -1))).verdict == CONTRADICTED


def test_what_has_nothing_to_do_with_it_is_contradicted_with_enough_configurations() -> None:
    generator = np.random.default_rng(0)
    assert judged(generator.permutation(60).tolist()).verdict == CONTRADICTED


def test_a_loose_relation_of_few_is_undecided() -> None:
    assert judged([5, 1, 6, 2, 8, 4, 9, 7, 3, 10]).verdict == UNDECIDED


def test_the_interval_is_that_of_fieller() -> None:
    # One neighbour swapped of 12: 64 of 66 pairs net, tau = 64 / 66.
    peaks = list(range(12))
    peaks[5], peaks[6] = peaks[6], peaks[5]
    tau, half = 64 / 66, 1.96 * sqrt(0.437 / 8)
    low, high = tanh(atanh(tau) - half), tanh(atanh(tau) + half)
    assert f"is {tau:.2f} ({low:.2f} to {high:.2f}): 98% of the pairs" in judged(peaks).evidence


@pytest.mark.parametrize(
    ("peaks", "words"),
    [([1, 2, 3], "3 configurations have both figures"), ([5] * 12, "the same for all")],
)
def test_too_few_or_all_alike_are_undecided(peaks: list[int], words: str) -> None:
    found = judged(peaks)
    assert found.verdict == UNDECIDED
    assert words in found.evidence


def test_an_unmeasured_figure_is_undecided() -> None:
    found = study([records.record("lora", 8)])
    judged = rises_with(found, which=ALL, figure="capacity", with_figure="trainable")
    assert judged.verdict == UNDECIDED
    assert "Capacity is not known for all without full and head: not recorded" in judged.evidence
