"""Official splits stay as they are, and what is in a later one is not trained on."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.task_config import TaskConfig
from harness.tasks.data import Examples, examples
from harness.tasks.splits import SPLITS
from tests.tasks.conftest import MakeTask, Rows, reviews

HEADER = ["text", "label", "film"]
FILES = {"train": "a.csv", "validation": "b.csv", "test": "c.csv"}


def texts(found: Examples) -> dict[str, set[str]]:
    return {split: set(getattr(found, split)["text"]) for split in SPLITS}


@pytest.fixture
def official(task_of: MakeTask, tmp_path: Path) -> MakeTask:
    """The task of a folder with a file for each split."""

    def make(parts: dict[str, Rows], **fields: object) -> TaskConfig:
        for split, rows in parts.items():
            with (tmp_path / FILES[split]).open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([HEADER, *rows])
        return task_of(tmp_path, files={split: FILES[split] for split in parts}, **fields)

    return make


def parts() -> dict[str, Rows]:
    rows = reviews(90)
    return {"train": rows[:60], "validation": rows[60:74], "test": rows[74:]}


def test_files_are_the_splits(official: MakeTask) -> None:
    given = parts()
    found = examples(official(given))
    assert texts(found) == {split: {row[0] for row in rows} for split, rows in given.items()}
    assert found.counts["in_other_split"] == 0


def test_a_column_says_the_same(official: MakeTask, task_of: MakeTask) -> None:
    expected = examples(official(parts()))
    rows = [[*row[:2], split] for split, given in parts().items() for row in given]
    found = examples(task_of(rows[::-1], split="film"))
    assert found.counts == expected.counts
    for split in SPLITS:
        assert getattr(found, split)["id"].tolist() == getattr(expected, split)["id"].tolist()


def test_what_is_tested_is_left_out_of_what_comes_before(official: MakeTask) -> None:
    given = parts()
    both, tested = ["in train and validation", "good", "x"], ["in all three", "bad", "x"]
    given["train"] = [*given["train"], both, tested, ["in all  three", "bad", "y"]]
    given["validation"] = [*given["validation"], both, tested]
    given["test"] = [*given["test"], tested, ["in training as another class", "bad", "x"]]
    given["train"] = [*given["train"], ["in training as another class", "good", "x"]]
    found = examples(official(given))
    assert found.counts["in_other_split"] == 4
    assert found.counts["duplicate"] == 1
    assert found.counts["contradictory"] == 0
    assert texts(found)["test"] == {row[0] for row in given["test"]}
    assert both[0] in texts(found)["validation"]
    ids = [set(getattr(found, split)["id"]) for split in SPLITS]
    assert sum(map(len, ids)) == len(set.union(*ids))


@pytest.mark.parametrize("absent", ["validation", "test"])
def test_a_split_that_is_not_given_is_cut_from_training(official: MakeTask, absent: str) -> None:
    given = parts()
    del given[absent]
    found = examples(official(given))
    (kept,) = {"validation", "test"} - {absent}
    assert texts(found)[kept] == {row[0] for row in given[kept]}
    cut = texts(found)[absent]
    assert cut | texts(found)["train"] == {row[0] for row in given["train"]}
    # Twenty percent of sixty texts, give or take four standard deviations.
    assert 1 <= len(cut) <= 24


def test_the_cut_follows_the_groups(official: MakeTask) -> None:
    given = {"train": reviews(300), "test": [["tested", "bad", "another film"]]}
    found = examples(official(given, group="film"))
    films = [set(getattr(found, split)["group"]) for split in SPLITS]
    assert sum(map(len, films)) == len(set.union(*films)) == 16


def test_groups_that_straddle_official_splits_are_refused(official: MakeTask) -> None:
    with pytest.raises(ConfigError, match=r"^task\.group=film: 15 of its values are in several"):
        examples(official(parts(), group="film"))


def test_a_row_of_one_of_several_files_is_named(official: MakeTask) -> None:
    given = parts()
    given["test"] = [["a", "many", "x"]]
    numbers = {split: [[row[0], "1", row[2]] for row in rows] for split, rows in given.items()}
    numbers["test"] = given["test"]
    with pytest.raises(ConfigError, match=r"^task\.label=label: row 0 of c\.csv says 'many'"):
        examples(official(numbers, kind="regression", metric="spearman"))


def test_a_missing_file_is_named(task_of: MakeTask, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^task\.files\.train=gone\.csv: no such file in "):
        examples(task_of(tmp_path, files={"train": "gone.csv"}))


def test_a_file_outside_of_the_source_is_refused(task_of: MakeTask, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^task\.files\.train=\.\./a: leads out of "):
        examples(task_of(tmp_path, files={"train": "../a"}))


def test_a_value_that_is_no_split_is_refused(task_of: MakeTask) -> None:
    rows = [[*row[:2], "train"] for row in reviews()]
    rows[7][2] = "valid"
    with pytest.raises(ConfigError) as caught:
        examples(task_of(rows, split="film"))
    expected = "task.split=film: row 7 says 'valid'; did you mean validation?"
    assert str(caught.value) == expected


class TestGroupPattern:
    def test_part_of_a_column_is_the_group(self, task_of: MakeTask) -> None:
        rows = [[f"Story {i // 4}. Question {i}?", "ab"[i % 2], ""] for i in range(120)]
        found = examples(task_of(rows, group="text", group_pattern=r"(.*\.) [^.]*"))
        groups = [set(getattr(found, split)["group"]) for split in SPLITS]
        assert sum(map(len, groups)) == len(set.union(*groups)) == 30
        assert "Story 0." in set.union(*groups)

    @pytest.mark.parametrize(
        ("pattern", "line"),
        [
            ("(", "is no pattern: missing )"),
            (".*", "needs a parenthesis around the group"),
            (r"(\d+)", "does not fit row 0"),
        ],
    )
    def test_a_wrong_pattern_is_named(self, task_of: MakeTask, pattern: str, line: str) -> None:
        with pytest.raises(ConfigError) as caught:
            examples(task_of(reviews(), group="film", group_pattern=pattern))
        assert str(caught.value).startswith(f"task.group_pattern={pattern}: {line}")
