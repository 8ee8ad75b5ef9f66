"""Classes are cut by the shares of the splits, in the order of the texts' hashes."""

from __future__ import annotations

import random

import pytest

from harness.errors import ConfigError
from harness.tasks.data import examples
from tests.tasks.conftest import MakeTask

SPLITS = ("train", "validation", "test")


def skewed(n: int = 400) -> list[list[str]]:
    """One in twenty is rare."""
    return [[f"sentence {i}", "rare" if i % 20 == 0 else "often", f"film {i}"] for i in range(n)]


def test_every_class_has_its_share_of_every_split(task_of: MakeTask) -> None:
    found = examples(task_of(skewed(), stratify=True))
    counted = {s: getattr(found, s)["label"].value_counts().to_dict() for s in SPLITS}
    # 380 and 20 examples, of which a fifth each is tested on and validates
    assert counted == {"train": {0: 228, 1: 12}, "validation": {0: 76, 1: 4}, "test": {0: 76, 1: 4}}


def test_the_order_of_the_rows_changes_nothing(task_of: MakeTask) -> None:
    rows = skewed()
    expected = examples(task_of(rows, stratify=True))
    random.Random(0).shuffle(rows)
    found = examples(task_of(rows, stratify=True))
    assert all(getattr(found, s).equals(getattr(expected, s)) for s in SPLITS)


def test_most_examples_lie_where_the_hash_alone_puts_them(task_of: MakeTask) -> None:
    rows = skewed(2000)
    cut, hashed = examples(task_of(rows, stratify=True)), examples(task_of(rows))
    moved = sum(len(set(getattr(cut, s)["id"]) - set(getattr(hashed, s)["id"])) for s in SPLITS)
    # The standard deviation of a split's share of 2,000 by hash is 18 examples.
    assert 0 < moved < 4 * 18 * 2


def test_the_share_of_validation_does_not_move_the_test_split(task_of: MakeTask) -> None:
    small = examples(task_of(skewed(), stratify=True, validation=0.1))
    large = examples(task_of(skewed(), stratify=True, validation=0.3))
    assert small.test.equals(large.test)
    assert set(small.validation["id"]) < set(large.validation["id"])


def test_a_class_of_three_has_one_example_in_each_split(task_of: MakeTask) -> None:
    rows = [*skewed(100), *[[f"odd {i}", "odd", ""] for i in range(3)]]
    found = examples(task_of(rows, stratify=True))
    odd = found.labels.index("odd")
    assert [getattr(found, s)["label"].tolist().count(odd) for s in SPLITS] == [1, 1, 1]


def test_a_class_of_two_is_refused(task_of: MakeTask) -> None:
    rows = [*skewed(100), ["odd 1", "odd", ""], ["odd 2", "odd", ""]]
    with pytest.raises(ConfigError, match="the class 'odd' has 2 of the 3 examples that splits"):
        examples(task_of(rows, stratify=True))


def test_an_official_test_split_stays(task_of: MakeTask) -> None:
    rows = [[f"sentence {i}", "ab"[i % 2], "test" if i < 30 else "train"] for i in range(100)]
    found = examples(task_of(rows, stratify=True, split="film"))
    assert set(found.test["text"]) == {f"sentence {i}" for i in range(30)}
    assert found.validation["label"].value_counts().to_dict() == {0: 7, 1: 7}
