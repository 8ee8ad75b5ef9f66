"""How long texts are counted to be, and that no task cuts more of them than is told."""

from __future__ import annotations

from statistics import median_low

import pytest
from omegaconf import OmegaConf

from harness.config import trial_config
from harness.entry import CONF, compose
from harness.recipes.lengths import MAY_BE_CUT, counted, length_of, read, write

SHIPPED = read(CONF / "recipes" / "lengths.csv")


def trial(max_length: int):
    return trial_config(compose([f"task.max_length={max_length}"]))


def test_cut_are_those_with_more_tokens_than_the_length():
    found = length_of(trial(4), [3, 4, 5, 6])
    assert (found.texts, found.longest, found.cut) == (4, 6, 0.5)


@pytest.mark.parametrize("n", [1, 2, 99, 100, 101, 1000])
def test_percentiles_are_the_least_lengths_that_hold_so_many(n):
    tokens = list(range(n, 0, -1))
    found = length_of(trial(64), tokens)
    assert found.median == median_low(tokens)
    held = [length for length in tokens if sum(t <= length for t in tokens) >= 0.99 * n]
    assert found.percentile_99 == min(held)


def test_evidence_comes_back_as_it_was_written(tmp_path):
    rows = [length_of(trial(4), [3, 4, 5]), length_of(trial(64), [3])]
    write(tmp_path / "lengths.csv", rows)
    assert read(tmp_path / "lengths.csv") == rows


def test_shipped_lengths_are_those_of_the_tasks():
    assert SHIPPED
    for row in SHIPPED:
        task = OmegaConf.load(CONF / "task" / f"{row.task}.yaml")
        assert task.max_length == row.max_length, row


def test_a_task_that_cuts_many_texts_says_so_in_its_file():
    for row in SHIPPED:
        if row.cut > MAY_BE_CUT:
            text = (CONF / "task" / f"{row.task}.yaml").read_text("utf-8")
            (line,) = [line for line in text.splitlines() if line.startswith("max_length:")]
            assert "#" in line, row


@pytest.mark.network
def test_texts_are_counted_as_the_models_tokenizer_has_them():
    (found,) = counted(OmegaConf.create({"tasks": ["tomi"], "models": ["minilm", "flan_t5_small"]}))
    (shipped,) = [row for row in SHIPPED if (row.task, row.model) == ("tomi", "flan_t5_small")]
    assert found == shipped
