"""What the page says of a task's data is what its records count."""

from __future__ import annotations

import json
from pathlib import Path

from harness.report.task_data import task_data

SHOWN = Path(__file__).parents[2] / "docs" / "record.json"


def test_the_counts_of_a_record_are_told_once() -> None:
    group = json.loads(SHOWN.read_text("utf-8"))["data"]
    row = {f"data.{name}": value for name, value in group.items()}
    assert task_data([row, row, {"task": "without"}]) == [
        (
            "Data",
            "13,905 rows; left out: 1,097 dropped and 56 copies; 2,000 train, 200 validate and 800"
            " are tested on",
        ),
        ("Classes", "2 classes, the commonest 58% of training, 1.36 × the rarest"),
        ("Texts", "26 tokens in the median; 0.1% fill the longest that is read"),
    ]


def test_a_task_without_classes_has_none_told() -> None:
    row = {"data.rows": 90, "data.train": 70, "data.validation": 10, "data.test": 10}
    assert task_data([row | {"data.classes": None}]) == [
        ("Data", "90 rows; 70 train, 10 validate and 10 are tested on")
    ]
