"""What is told of the data at the door, and kept in the record."""

from __future__ import annotations

import pytest

from harness.tasks import METRICS, look
from harness.tasks.data import check, examples, load
from tests.tasks.conftest import MakeTask, reviews


def test_the_line_has_every_row_in_one_place(task_of: MakeTask) -> None:
    rows = [*reviews(4000), ["", "good", ""], ["sentence 1, with a comma", "good", ""]]
    assert check(task_of(rows, stratify=True)) == [
        "data.csv: 4,002 rows; 2 classes (50% 'bad'); left out 1 without text, 1 duplicates;"
        " train 2,400, validation 800, test 800; split by hash within each class"
    ]


def test_groups_are_counted(task_of: MakeTask) -> None:
    line = check(task_of(reviews(300), group="film"))[0]
    assert line.endswith("; split by the hash of film, 15 groups")


def test_imbalance_is_told_from_ten_to_one(task_of: MakeTask) -> None:
    def told(rare: int) -> list[str]:
        rows = [[f"s {i}", "rare" if i < rare else "often", ""] for i in range(4400)]
        return [line for line in check(task_of(rows, stratify=True)) if "commonest" in line]

    assert told(401) == []
    assert told(400) == [
        "beware: data.csv: 10 examples of the commonest class for each of the rarest: always saying"
        " the commonest is right 91% of the time; task.metric=macro_f1 weighs classes alike"
    ]


def test_a_small_test_split_is_told_with_its_half_width(task_of: MakeTask) -> None:
    line = check(task_of(reviews(500), stratify=True))[-1]
    # 1.96 √(0.25 / 100)
    assert "±10 points from 100 test examples" in line
    assert "beware" not in check(task_of(reviews(2000), stratify=True))[-1]


def test_a_class_that_may_mean_no_label_is_told(task_of: MakeTask) -> None:
    rows = [[f"sentence {i}", ("None", "good")[i % 2], ""] for i in range(4000)]
    assert check(task_of(rows, stratify=True))[1:] == [
        "beware: data.csv: 'None' is read as a class; task.drop={label: ['None']} leaves it out"
    ]


@pytest.mark.parametrize(
    ("kind", "side"),
    [("classification", "after"), ("regression", "after"), ("tokens", "after"),
     ("generation", "before")],
)  # fmt: skip
def test_texts_that_fill_the_length_are_told_with_the_side_that_is_lost(
    task_of: MakeTask, kind: str, side: str
) -> None:
    task = task_of([], kind=kind, metric=METRICS[kind][0], max_length=8)
    assert look.of_full(task, "minilm", 0.05) is None
    assert look.of_full(task, "minilm", 0.234) == (
        "beware: data.csv: 23% of the training texts fill task.max_length=8 with minilm;"
        f" what comes {side} is not read"
    )


def test_the_record_holds_what_the_splits_hold(task_of: MakeTask) -> None:
    task = task_of([*reviews(300), ["", "good", ""]], stratify=True, max_length=8)
    found = look.group(task, load(task), [3, 5, 8, 8])
    tables = examples(task)
    assert (found["rows"], found["no_text"]) == (301, 1)
    assert (found["median_tokens"], found["full"]) == (6.5, 0.5)
    assert (found["classes"], found["commonest"], found["imbalance"]) == (2, 0.5, 1.0)
    for number, row in enumerate(found["per_class"]):
        assert row["label"] == ("bad", "good")[number]
        for split in ("train", "validation", "test"):
            labels = getattr(tables, split)["label"]
            assert row[split] == (labels == number).sum()
            assert found[split] == len(labels)


def test_other_kinds_have_no_classes(task_of: MakeTask) -> None:
    rows = [[f"sentence {i}", str(i / 7), ""] for i in range(300)]
    task = task_of(rows, kind="regression", metric="spearman")
    found = look.group(task, load(task), [4])
    assert found["classes"] is found["per_class"] is None
    assert check(task)[0].startswith("data.csv: 300 rows; train ")
