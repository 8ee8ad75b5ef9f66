from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.checked import from_plain
from harness.errors import ConfigError
from harness.task_config import TaskConfig
from harness.tasks.data import check

Rows = Sequence[Sequence[str]]
MakeTask = Callable[..., TaskConfig]


def reviews(n: int = 60) -> list[list[str]]:
    """Rows of text, label and film: fifteen films, each with both labels."""
    return [
        [f"sentence {i}, with a comma", ("bad", "good")[i % 2], f"film {i // 2 % 15}"]
        for i in range(n)
    ]


@pytest.fixture
def task_of(tmp_path: Path) -> MakeTask:
    """The task of a CSV with these rows, or of a path, with fields changed."""

    def make(rows: Rows | Path, **fields: Any) -> TaskConfig:
        path = rows if isinstance(rows, Path) else tmp_path / "data.csv"
        if not isinstance(rows, Path):
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([["text", "label", "film"], *rows])
        plain = {
            "name": "own",
            "kind": "classification",
            "source": {"kind": "path", "path": str(path)},
            "format": "csv",
            "text": "text",
            "label": "label",
            "max_length": 32,
            "validation": 0.2,
            "test": 0.2,
        }
        return from_plain(TaskConfig, plain | fields)

    return make


def assert_refused(task_of: MakeTask, rows: object, line: str, **fields: object) -> None:
    """The task's data are refused in one line, which begins with `line`."""
    with pytest.raises(ConfigError) as caught:
        check(task_of(rows, **fields))
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)
