"""Tables without a header, and what stands before or beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.tasks.data import examples
from tests.tasks.conftest import MakeTask, assert_refused

ROWS = "".join(f'{i}\t{"ab"[i % 2]}\t"So, number {i}\n' for i in range(60))
FIELDS: dict[str, Any] = {
    "format": "tsv",
    "columns": ["number", "label", "text"],
    "quoting": False,
}


def test_columns_are_named_from_the_left(task_of: MakeTask, tmp_path: Path) -> None:
    path = tmp_path / "data.tsv"
    path.write_text(ROWS)
    found = examples(task_of(path, **FIELDS))
    assert found.counts["rows"] == 60
    assert found.train["text"].str.startswith('"So, number ').all()


def test_lines_before_the_table_are_skipped(task_of: MakeTask, tmp_path: Path) -> None:
    path = tmp_path / "data.tsv"
    path.write_text("what this is\n\n" + ROWS)
    assert examples(task_of(path, **FIELDS, skip=2)).counts["rows"] == 60
    line = f"task.format=tsv: {path} cannot be read as that: line 1 has 1 cells, the header 3"
    assert_refused(task_of, path, line, **FIELDS)
    path.write_text("what this is\n" + ROWS + "torn\n")
    line = f"task.format=tsv: {path} cannot be read as that: line 62 has 1 cells, the header 3"
    assert_refused(task_of, path, line, **FIELDS, skip=1)


def test_more_cells_are_passed_over_only_where_that_is_said(
    task_of: MakeTask, tmp_path: Path
) -> None:
    path = tmp_path / "data.tsv"
    path.write_text(ROWS + "60\ta\tlonger\tmore\tand more\n")
    line = f"task.format=tsv: {path} cannot be read as that: line 61 has 5 cells, the header 3"
    assert_refused(task_of, path, line, **FIELDS)
    fields = {**FIELDS, "columns": ["number", "label", "text", "..."]}
    assert examples(task_of(path, **fields)).counts["rows"] == 61
