"""Rows that are JSON objects, one per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from harness.tasks.files import malformed, opened

if TYPE_CHECKING:
    from harness.task_config import TaskConfig


def columns(path: Path, task: TaskConfig) -> list[str]:
    """The names of the fields, and the ways into those that are nested, such as `input.0.text`."""
    # A field may be absent from some rows, so the first hundred speak for the file.
    found: dict[str, None] = {}
    for row in islice(_rows(path, task), 100):
        found |= dict.fromkeys(_ways(row))
    return list(found)


def table(path: Path, task: TaskConfig, wanted: list[str]) -> pd.DataFrame:
    rows = [[_value(row, column) for column in wanted] for row in _rows(path, task)]
    # As objects: pandas would turn whole numbers beside an absent one into floats.
    return pd.DataFrame(rows, columns=wanted, dtype=object)


def _ways(value: object, before: str = "") -> Iterator[str]:
    for name, inner in _inside(value).items():
        yield before + name
        yield from _ways(inner, f"{before}{name}.")


def _value(row: dict[str, Any], way: str) -> object:
    """What lies there; None where nothing does. A field's own name may hold dots."""
    if way in row:
        return row[way]
    value: object = row
    for name in way.split("."):
        value = _inside(value).get(name)
    return value


def _inside(value: object) -> dict[str, Any]:
    """The fields of an object, and the places of a list of objects."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
        return {str(place): inner for place, inner in enumerate(value)}
    return {}


def _rows(path: Path, task: TaskConfig) -> Iterator[dict[str, Any]]:
    with opened(path, task) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                problem = f"line {number}: {error}; expected one JSON object on each line"
                raise malformed(path, task, problem) from error
            if not isinstance(row, dict):
                raise malformed(path, task, f"line {number} is no JSON object")
            yield row
