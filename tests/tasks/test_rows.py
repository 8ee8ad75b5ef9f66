"""Rows that told the kind of their task are read once, and of one task at a time."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.config import trial_config
from harness.entry import compose
from harness.task_config import TaskConfig
from harness.tasks import reader, rows
from harness.tasks.data import check, examples
from tests.tasks.refused import HEADER, table
from tests.tasks.refused import rows as rows_of


@pytest.fixture(autouse=True)
def read(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What was read, in order: the file's name, and the table as long as somebody has it."""
    found: list[tuple[str, Any]] = []
    actual = reader.read

    def counted(path: Path, task: TaskConfig) -> pd.DataFrame:
        made = actual(path, task)
        found.append((path.name, weakref.ref(made)))
        return made

    monkeypatch.setattr(reader, "read", counted)
    yield found
    rows.forget()


def files(read: Any) -> list[str]:
    return [name for name, _ in read]


def own(path: Path, *overrides: str) -> TaskConfig:
    return trial_config(compose(["task=csv", f"task.path={path}", *overrides])).task


def written(path: Path, classes: int) -> Path:
    path.write_text(table(lambda i: i % classes))
    return path


def test_what_is_read_for_the_kind_is_not_read_again_for_the_check(
    tmp_path: Path, read: Any
) -> None:
    path = written(tmp_path / "once.csv", 5)
    task = own(path, "task.test=0.3", "task.max_length=12")
    first = check(task)
    assert files(read) == ["once.csv"]
    assert check(task) == first
    assert files(read) == ["once.csv"] * 2, "nothing is kept once it was asked for"


def test_it_is_given_to_no_task_that_reads_otherwise(tmp_path: Path, read: Any) -> None:
    path = tmp_path / "quoted.csv"
    path.write_text(HEADER + rows_of(lambda i: f'"sentence {i}",{i % 5}'))
    own(path)
    unquoted = own(path, "task.quoting=false", "task.kind=classification")
    assert examples(unquoted).train["text"].str.startswith('"').all()
    assert len(read) == 2


def test_a_file_that_was_changed_since_is_read_anew(tmp_path: Path, read: Any) -> None:
    task = own(written(tmp_path / "changed.csv", 5))
    written(tmp_path / "changed.csv", 3)
    assert len(examples(task).labels) == 3
    assert len(read) == 2


def test_rows_of_two_tasks_are_never_kept(tmp_path: Path, read: Any) -> None:
    first, second = (own(written(tmp_path / name, 5)) for name in ("first.csv", "second.csv"))
    gc.collect()
    assert [made() is None for _, made in read] == [True, False]
    check(second)
    check(first)
    assert files(read) == ["first.csv", "second.csv", "first.csv"]
    gc.collect()
    assert all(made() is None for _, made in read)
