"""Rows become examples by stated rules, and split by what they say."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.checked import from_plain
from harness.errors import ConfigError
from harness.task_config import TaskConfig
from harness.tasks.data import Examples, examples, load
from harness.tasks.inferred import settled
from harness.tasks.splits import split_of
from tests.shipped import shipped
from tests.tasks.conftest import MakeTask, reviews

SPLITS = ("train", "validation", "test")


def whole(found: Examples) -> pd.DataFrame:
    return pd.concat([getattr(found, split) for split in SPLITS])


def test_the_order_of_the_rows_changes_nothing(task_of: MakeTask) -> None:
    rows = reviews() + reviews()[:10]
    rows[3][0] = " ".join(rows[1][0].split()) + " "  # a copy but for white space
    expected = examples(task_of(rows, group="film"))
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        found = examples(task_of(rows, group="film"))
        assert found.counts == expected.counts
        for split in SPLITS:
            pd.testing.assert_frame_equal(getattr(found, split), getattr(expected, split))


def test_what_is_added_moves_no_example_to_another_split(task_of: MakeTask) -> None:
    before, after = examples(task_of(reviews(60))), examples(task_of(reviews(300)))
    for split in SPLITS:
        assert set(getattr(before, split)["id"]) <= set(getattr(after, split)["id"])


def test_the_share_of_validation_does_not_move_the_test_split(task_of: MakeTask) -> None:
    small = examples(task_of(reviews(300), validation=0.1))
    large = examples(task_of(reviews(300), validation=0.3))
    assert small.test.equals(large.test)
    assert set(small.validation["id"]) < set(large.validation["id"])


def test_no_group_is_in_two_splits(task_of: MakeTask) -> None:
    found = examples(task_of(reviews(300), group="film"))
    groups = [set(getattr(found, split)["group"]) for split in SPLITS]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 15


def test_the_splits_hold_about_their_shares() -> None:
    drawn = [split_of(f"group {i}", 0.1, 0.15) for i in range(20_000)]
    # Four standard deviations of a share of 20,000 are below 0.011.
    for split, share in zip(SPLITS, (0.75, 0.1, 0.15), strict=True):
        assert drawn.count(split) / len(drawn) == pytest.approx(share, abs=0.011)


def test_ids_are_hashes_of_the_texts_and_order_the_examples(task_of: MakeTask) -> None:
    table = examples(task_of(reviews())).train
    hashes = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in table["text"]]
    assert table["id"].tolist() == hashes == sorted(hashes)


def test_a_limit_keeps_the_first_of_the_fixed_order(task_of: MakeTask) -> None:
    free = examples(task_of(reviews(300)))
    limited = examples(task_of(reviews(300), limit={"train": 40, "test": None, "validation": 7}))
    assert limited.train.equals(free.train.head(40))
    assert limited.validation.equals(free.validation.head(7))
    assert limited.test.equals(free.test)


def test_rows_are_left_out_by_rule_and_counted(task_of: MakeTask) -> None:
    rows = [
        *reviews(),
        ["", "good", "film"],
        [" \t", "good", "film"],
        ["no label", " ", "film"],
        ["both", "good", "film"],
        ["both", "bad", "film"],
        ["both ", "bad", "film"],
        ["twice", "good", "film"],
        ["twice", "good", "film 2"],
        ["a plot", "plot", "film"],
    ]
    found = examples(task_of(rows, drop={"label": ["plot"]}))
    assert found.counts == {
        "rows": 69,
        "dropped": 1,
        "no_text": 2,
        "no_label": 1,
        "contradictory": 3,
        "duplicate": 1,
    }
    texts = whole(found)["text"].tolist()
    assert sorted(texts) == sorted([row[0] for row in reviews()] + ["twice"])


def test_classes_follow_the_given_order_or_the_sorted_names(task_of: MakeTask) -> None:
    found = examples(task_of(reviews()))
    assert found.labels == ("bad", "good")
    turned = examples(task_of(reviews(), labels=["good", "bad"]))
    assert turned.labels == ("good", "bad")
    assert (turned.train["label"] == 1 - found.train["label"]).all()
    right = {row[0]: row[1] for row in reviews()}
    for text, label in zip(found.train["text"], found.train["label"], strict=True):
        assert found.labels[label] == right[text]


ONE_CLASS = [[f"sentence {i}", "good", "film"] for i in range(60)]
ALL_UNIQUE = [[f"sentence {i}", f"class {i}", "film"] for i in range(60)]
NO_TEXT = [["", "good", "film"], ["", "bad", "film"]]


@pytest.mark.parametrize(
    ("rows", "fields", "line"),
    [
        (ONE_CLASS, {}, "task.label=label: needs two classes; every row says 'good'"),
        (ALL_UNIQUE, {}, "task.label=label: is no column of classes: 60 values in 60 rows"),
        (NO_TEXT, {}, "task.source="),
        (reviews(), {"labels": ["bad"]}, "task.labels=['bad']: lacks 'good'"),
        (
            reviews(),
            {"labels": ["bad", "good", "bad"]},
            "task.labels=['bad', 'good', 'bad']: names",
        ),
        (
            reviews(),
            {"labels": ["bad", "good", "ugly"]},
            "task.label=label: no training example is labelled 'ugly'",
        ),
        (
            reviews(),
            {"drop": {"label": ["god"]}},
            "task.drop.label=god: is in no row; did you mean good?",
        ),
        (
            reviews(),
            {"validation": 0.0},
            "task.validation=0.0: validation is left without an example",
        ),
        (
            [["a", "bad", ""], ["b", "good", "x"]],
            {"group": "film"},
            "task.group=film: has no value",
        ),
    ],
)
def test_data_that_cannot_be_used_names_the_field(
    task_of: MakeTask, rows: list[list[str]], fields: dict[str, Any], line: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        examples(task_of(rows, **fields))
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_a_class_that_training_never_shows_is_refused(task_of: MakeTask) -> None:
    texts = (f"rare {i}" for i in range(100))
    tested = next(text for text in texts if split_of(text, 0.2, 0.2) == "test")
    with pytest.raises(ConfigError, match="no training example is labelled 'rare'"):
        examples(task_of([*reviews(), [tested, "rare", "film"]]))


def test_too_few_groups_for_three_splits_are_refused(task_of: MakeTask) -> None:
    with pytest.raises(ConfigError, match="is left without an example: 2 groups"):
        examples(task_of(reviews(), group="label"))


def test_shares_that_leave_nothing_to_train_on_are_refused(task_of: MakeTask) -> None:
    with pytest.raises(ConfigError, match=r"^task\.validation=0\.5: leaves nothing to train on"):
        examples(task_of(reviews(), validation=0.5, test=0.5))


def test_loaded_data_sets_are_the_tables(task_of: MakeTask) -> None:
    task = task_of(reviews())
    tables, data = examples(task), load(task)
    assert data.labels == tables.labels
    assert data.counts == tables.counts
    for split in SPLITS:
        expected = getattr(tables, split)[["text", "label", "id"]].to_dict("list")
        assert getattr(data, split).to_dict() == expected
    assert data.train.features["label"].names == ["bad", "good"]


@pytest.mark.network
def test_rotten_tomatoes_is_what_its_source_says() -> None:
    # Counted in the file with pandas alone.
    # 7,403 fresh, 5,405 rotten, 1,097 plots; among the first two 56 copies.
    found = examples(from_plain(TaskConfig, shipped("task", "rotten_tomatoes")))
    assert found.counts["rows"] == 7403 + 5405 + 1097
    assert found.counts["dropped"] == 1097
    assert found.counts["duplicate"] == 56
    assert found.counts["contradictory"] == found.counts["no_text"] == found.counts["no_label"] == 0
    table = whole(found)
    assert len(table) == 7403 + 5405 - 56
    assert table["id"].is_unique
    films = [set(getattr(found, split)["group"]) for split in SPLITS]
    assert sum(map(len, films)) == len(set.union(*films))
    # Golden: what the splits were when they were first made. A change makes other trials of all.
    assert [len(getattr(found, split)) for split in SPLITS] == [9280, 1444, 2028]
    assert found.test["id"][0] == "0026a17622b9ebb9"


@pytest.mark.network
def test_bbc_news_has_five_classes() -> None:
    found = examples(from_plain(TaskConfig, shipped("task", "bbc_news")))
    assert found.labels == ("business", "entertainment", "politics", "sports", "tech")
    assert found.counts["rows"] == 2225
    assert found.counts["dropped"] == 1
    assert len(whole(found)) == 2124
    assert [len(getattr(found, split)) for split in SPLITS] == [1583, 226, 315]


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet", "dataset"])
def test_the_users_own_file_needs_nothing_but_its_path_and_kind(name: str, tmp_path: Path) -> None:
    content = shipped("task", name)
    assert content.pop("path") == "???"
    assert content["source"] == {"kind": "path", "path": "${task.path}"}
    content["source"]["path"] = str(tmp_path)
    task = from_plain(TaskConfig, settled(content | {"kind": "regression"}))
    assert (task.format, task.metric, task.stratify) == (name, "spearman", False)
