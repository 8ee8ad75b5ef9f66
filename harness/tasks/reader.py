"""Tables of text and labels, read from the file formats that people keep them in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from harness.errors import ConfigError, nearest
from harness.tasks import conll, delimited, jsonl, saved
from harness.tasks.files import malformed

if TYPE_CHECKING:
    from harness.task_config import TaskConfig

OTHERS = {
    ";": "task.separator=';'",
    "\t": "task.format=tsv",
    "|": "task.separator='|'",
    ",": "task.format=csv",
}
"""What may stand between cells, and the field that says so."""
FOLDER_COLUMNS = ["file", "label", "text"]


def read(path: Path, task: TaskConfig) -> pd.DataFrame:
    """The rows of `path`, with the columns that the task names and cells as they are stored.

    Raises ConfigError for a file that is not in the task's format and encoding, or that lacks a
    column.
    """
    named = {"text": task.text, "label": task.label}
    optional = {"pair": task.pair, "group": task.group, "split": task.split}
    named |= {field: column for field, column in optional.items() if column}
    named |= {f"drop.{column}": column for column in task.drop}
    known = columns(path, task)
    for field, column in named.items():
        if column not in known:
            clause = _clause(column, known, task)
            raise ConfigError(f"task.{field}", column, f"no such column in {path.name}; {clause}")
        if known.count(column) > 1:
            raise ConfigError(f"task.{field}", column, f"names two columns of {path.name}")
    wanted = list(dict.fromkeys(named.values()))
    return _TABLES[task.format](path, task, wanted)


def _clause(column: str, known: list[str], task: TaskConfig) -> str:
    """What to name in place of a column that is not there."""
    if not known:
        return "the file is empty"
    if len(known) == 1 and task.format in ("csv", "tsv"):
        for separator, field in OTHERS.items():
            if separator in known[0]:
                return f"the only one is {known[0]!r}; {field} separates it"
    return nearest(column, known)


def columns(path: Path, task: TaskConfig) -> list[str]:
    """The names of the columns, from the head of the file where the format has one."""
    folder = task.format in ("folders", "dataset")
    if path.is_dir() and not folder:
        raise ConfigError("task.format", task.format, f"needs a file, and {path} is a folder")
    if path.is_file() and folder:
        raise ConfigError("task.format", task.format, f"needs a folder, and {path} is a file")
    return _COLUMNS[task.format](path, task)


def _parquet_columns(path: Path, task: TaskConfig) -> list[str]:
    from pyarrow import ArrowException, parquet

    try:
        return list(parquet.read_schema(path).names)
    except (ArrowException, OSError) as error:
        raise malformed(path, task, str(error)) from error


def _parquet(path: Path, task: TaskConfig, wanted: list[str]) -> pd.DataFrame:
    from pyarrow import parquet

    table = parquet.read_table(path, columns=wanted)
    cells = {name: table.column(name).to_pylist() for name in wanted}
    return pd.DataFrame(cells, dtype=object)


def _folder_columns(path: Path, task: TaskConfig) -> list[str]:
    return FOLDER_COLUMNS


def _folders(path: Path, task: TaskConfig, wanted: list[str]) -> pd.DataFrame:
    """One folder per label, one .txt file per example; texts are bytes still."""
    files = sorted(file for file in path.glob("*/*.txt") if file.is_file())
    if not files:
        raise malformed(path, task, "expected LABEL/NAME.txt files in it")
    names = [file.relative_to(path).as_posix() for file in files]
    labels = [file.parent.name for file in files]
    texts = [file.read_bytes() for file in files]
    return pd.DataFrame({"file": names, "label": labels, "text": texts}, index=names)[wanted]


_COLUMNS: dict[str, Callable[[Path, TaskConfig], list[str]]] = {
    "csv": delimited.columns,
    "tsv": delimited.columns,
    "jsonl": jsonl.columns,
    "parquet": _parquet_columns,
    "folders": _folder_columns,
    "conll": conll.columns,
    "dataset": saved.columns,
}
_TABLES: dict[str, Callable[[Path, TaskConfig, list[str]], pd.DataFrame]] = {
    "csv": delimited.table,
    "tsv": delimited.table,
    "jsonl": jsonl.table,
    "parquet": _parquet,
    "folders": _folders,
    "conll": conll.table,
    "dataset": saved.table,
}
