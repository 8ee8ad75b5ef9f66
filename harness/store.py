"""Records on disk: one folder per trial, written atomically, read as one table."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ConfigError(str(path), "unreadable", f"is not a JSON file: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(str(path), type(content).__name__, "must hold one JSON object")
    return content


def done(results: Path, trial: str) -> dict[str, Any] | None:
    """The trial's record if it ended well under the current schema, else None."""
    record = read_json(results / trial / RECORD)
    if record and record.get("schema") == SCHEMA and record.get("status") == "ok":
        return record
    return None


def records(results: Path) -> list[dict[str, Any]]:
    """All records below `results`, in the order of their trial ids.

    Raises ConfigError if there is no such folder.
    """
    results = Path(results)
    if not results.is_dir():
        raise ConfigError("results", results, "is no folder; run a sweep first")
    found = (read_json(path) for path in sorted(results.glob(f"*/{RECORD}")))
    return [record for record in found if record is not None]


def load(results: str | Path) -> pandas.DataFrame:
    """One row per trial; nested fields become columns with dots (`quality.value`).

    `config` stays out: it is in each record, under the `path` given in its row.
    """
    import pandas

    results = Path(results)
    rows = []
    for record in records(results):
        path = results / str(record["trial"]) / RECORD
        rows.append(flat({k: v for k, v in record.items() if k != "config"}) | {"path": str(path)})
    return pandas.DataFrame(rows)


def flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots; lists stay whole."""
    result: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[prefix + key] = value
    return result
