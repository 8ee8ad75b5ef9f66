"""Tables of text and labels, read from the file formats that people keep them in."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import pandas as pd

from harness.errors import ConfigError, nearest

if TYPE_CHECKING:
    from harness.config import TaskConfig

OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
SEPARATORS = {"csv": ",", "tsv": "\t"}
LONGEST_CELL = 2**27  # characters
FOLDER_COLUMNS = ["file", "label", "text"]


def read(path: Path, task: TaskConfig) -> pd.DataFrame:
    """The rows of `path`, with the columns that the task names and cells as they are stored.

    Raises ConfigError for a file that is not in the task's format and encoding, or that lacks a
    column.
    """
    named = {"text": task.text, "label": task.label}
    named |= {"group": task.group} if task.group else {}
    named |= {f"drop.{column}": column for column in task.drop}
    known = columns(path, task)
    for field, column in named.items():
        if column not in known:
            clause = nearest(column, known) if known else "the file is empty"
            raise ConfigError(f"task.{field}", column, f"no such column in {path.name}; {clause}")
        if known.count(column) > 1:
            raise ConfigError(f"task.{field}", column, f"names two columns of {path.name}")
    wanted = list(dict.fromkeys(named.values()))
    return _TABLES[task.format](path, task, wanted)


def columns(path: Path, task: TaskConfig) -> list[str]:
    """The names of the columns, from the head of the file where the format has one."""
    _check_type(path, task)
    return _COLUMNS[task.format](path, task)


def _check_type(path: Path, task: TaskConfig) -> None:
    if not path.exists():
        raise ConfigError("task.file", task.file, f"no such file in {path.parent}")
    if path.is_dir() and task.format != "folders":
        raise ConfigError("task.format", task.format, f"needs a file, and {path} is a folder")
    if path.is_file() and task.format == "folders":
        raise ConfigError("task.format", task.format, f"needs a folder, and {path} is a file")


def _delimited_columns(path: Path, task: TaskConfig) -> list[str]:
    return next(_delimited_rows(path, task), [])


def _delimited(path: Path, task: TaskConfig, wanted: list[str]) -> pd.DataFrame:
    rows = _delimited_rows(path, task)
    header = next(rows)
    places = [header.index(column) for column in wanted]
    # Cells stay text: "NA" may be a label, and "01" is not "1".
    return pd.DataFrame([[row[place] for place in places] for row in rows], columns=wanted)


def _delimited_rows(path: Path, task: TaskConfig) -> Iterator[list[str]]:
    """The header and the rows, each as long as the header.

    Not through pandas, which cuts or shifts the cells of a row that is longer than the header: a
    comma that somebody forgot to quote would become a wrong label.
    """
    csv.field_size_limit(LONGEST_CELL)
    with _opened(path, task) as file:
        rows = csv.reader(file, delimiter=SEPARATORS[task.format], strict=True)
        width = None
        try:
            for row in rows:
                if not row:
                    continue
                width = width or len(row)
                if len(row) != width:
                    problem = f"line {rows.line_num} has {len(row)} cells, the header {width}"
                    raise _malformed(path, task, problem)
                yield row
        except csv.Error as error:
            raise _malformed(path, task, f"line {rows.line_num}: {error}") from error


def _jsonl_columns(path: Path, task: TaskConfig) -> list[str]:
    # A field may be absent from some rows, so the first hundred speak for the file.
    found: dict[str, None] = {}
    for _, row in zip(range(100), _json_rows(path, task), strict=False):
        found |= dict.fromkeys(row)
    return list(found)


def _jsonl(path: Path, task: TaskConfig, wanted: list[str]) -> pd.DataFrame:
    rows = [[row.get(column) for column in wanted] for row in _json_rows(path, task)]
    # As objects: pandas would turn whole numbers beside an absent one into floats.
    return pd.DataFrame(rows, columns=wanted, dtype=object)


def _json_rows(path: Path, task: TaskConfig) -> Iterator[dict[str, Any]]:
    with _opened(path, task) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise _malformed(path, task, f"line {number}: {error}") from error
            if not isinstance(row, dict):
                raise _malformed(path, task, f"line {number} holds no JSON object")
            yield row


def _parquet_columns(path: Path, task: TaskConfig) -> list[str]:
    from pyarrow import ArrowException, parquet

    try:
        return list(parquet.read_schema(path).names)
    except (ArrowException, OSError) as error:
        raise _malformed(path, task, str(error)) from error


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
        raise _malformed(path, task, "expected LABEL/NAME.txt files in it")
    names = [file.relative_to(path).as_posix() for file in files]
    labels = [file.parent.name for file in files]
    texts = [file.read_bytes() for file in files]
    return pd.DataFrame({"file": names, "label": labels, "text": texts}, index=names)[wanted]


@contextmanager
def _opened(path: Path, task: TaskConfig) -> Iterator[TextIO]:
    # A byte order mark belongs to the encoding and not to the first column's name.
    encoding = "utf-8-sig" if task.encoding.lower() in ("utf-8", "utf8") else task.encoding
    try:
        opener = OPENERS.get(path.suffix, open)
        with opener(path, "rt", encoding=encoding, newline="") as file:
            yield file
    except UnicodeDecodeError as error:
        raise _undecodable(path.name, task, error) from error
    except LookupError as error:
        raise _unknown_encoding(task) from error
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise _malformed(path, task, str(error)) from error


def decoded(text: bytes, name: str, task: TaskConfig) -> str:
    """A text that was kept as bytes; raises ConfigError when it is in another encoding."""
    try:
        return text.decode(task.encoding)
    except UnicodeDecodeError as error:
        raise _undecodable(name, task, error) from error
    except LookupError as error:
        raise _unknown_encoding(task) from error


def _undecodable(name: str, task: TaskConfig, error: UnicodeDecodeError) -> ConfigError:
    byte = f"0x{error.object[error.start]:02x}"
    expected = f"{name} holds the byte {byte}, which is not in it; name the right encoding"
    return ConfigError("task.encoding", task.encoding, expected)


def _unknown_encoding(task: TaskConfig) -> ConfigError:
    return ConfigError("task.encoding", task.encoding, "is no known encoding of text")


def _malformed(path: Path, task: TaskConfig, problem: str) -> ConfigError:
    problem = " ".join(problem.split())
    return ConfigError("task.format", task.format, f"{path} cannot be read as that: {problem}")


_COLUMNS: dict[str, Callable[[Path, TaskConfig], list[str]]] = {
    "csv": _delimited_columns,
    "tsv": _delimited_columns,
    "jsonl": _jsonl_columns,
    "parquet": _parquet_columns,
    "folders": _folder_columns,
}
_TABLES: dict[str, Callable[[Path, TaskConfig, list[str]], pd.DataFrame]] = {
    "csv": _delimited,
    "tsv": _delimited,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "folders": _folders,
}
