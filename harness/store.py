"""Records on disk: one folder per trial, written atomically, read as one table."""

from __future__ import annotations

import gc
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from sys import intern
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from harness.config import SCHEMA
from harness.errors import ConfigError

if TYPE_CHECKING:
    import pandas

RECORD = "record.json"
STATUSES = ("ok", "failed", "diverged", "out_of_memory", "killed", "timeout", "skipped")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write `content` so that a reader sees all of it or none, whatever dies when.

    Raises ValueError on NaN and infinities, which JSON does not have: unknown is null.
    """
    text = json.dumps(content, indent=1, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in `path`, or None where there is none."""
    try:
        # Unbuffered, and parsed by what shares equal strings: records come by the thousand.
        with path.open("rb", buffering=0) as file:
            content = from_json(file.readall())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ConfigError(str(path), "unreadable", f"is not a JSON file: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(str(path), type(content).__name__, "must hold one JSON object")
    return content


def record(folder: Path) -> dict[str, Any] | None:
    """The record in a trial's folder; None where there is none."""
    return read_json(folder / RECORD)


def done(results: Path, trial: str) -> dict[str, Any] | None:
    """The trial's record if it ended well under the current schema, else None."""
    record = read_json(results / trial / RECORD)
    if record and record.get("schema") == SCHEMA and record.get("status") == "ok":
        return record
    return None


def records(results: Path) -> Iterator[dict[str, Any]]:
    """All records below `results`, in the order of their trial ids.

    Raises ConfigError if there is no such folder.
    """
    if not results.is_dir():
        raise ConfigError("results", results, "is no folder; run a sweep first")
    with os.scandir(results) as folders:
        names = sorted(folder.name for folder in folders if folder.is_dir())
    for name in names:
        record = read_json(results / name / RECORD)
        if record is not None:
            yield record


def load(results: str | Path) -> pandas.DataFrame:
    """One row per trial; nested fields become columns with dots (`quality.value`).

    `config` stays out: it is in each record, under the `path` given in its row.
    """
    return table(Path(results), records(Path(results)))


def table(results: Path, found: Iterable[dict[str, Any]]) -> pandas.DataFrame:
    """The rows of records that lie in `results`, as `load` gives them."""
    import pandas

    with uncollected():
        return pandas.DataFrame([_row(record, f"{results}{os.sep}") for record in found])


def _row(record: dict[str, Any], folder: str) -> dict[str, Any]:
    row = flat({k: v for k, v in record.items() if k != "config"})
    row["path"] = f"{folder}{record['trial']}{os.sep}{RECORD}"
    return row


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the garbage collector, which would walk over millions of values, all of them in use,
    again and again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def flat(
    nested: dict[str, Any], prefix: str = "", into: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Nested keys joined by dots; lists stay whole. Fills and returns `into` where it is given."""
    result: dict[str, Any] = {} if into is None else into
    for key, value in nested.items():
        if isinstance(value, dict):
            flat(value, f"{prefix}{key}.", result)
        else:
            # Thousands of records share one copy of each name.
            result[intern(prefix + key)] = value
    return result
