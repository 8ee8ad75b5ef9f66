"""Folders that `save_to_disk` of `datasets` wrote: Arrow files, without any code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from harness.errors import ConfigError, told
from harness.tasks.files import malformed

if TYPE_CHECKING:
    from datasets import Dataset

    from harness.task_config import TaskConfig

UNLABELLED = -1
"""The number of a class that stands for none, as the hub's data sets have it."""


def columns(path: Path, task: TaskConfig) -> list[str]:
    return list(_loaded(path, task).column_names)


def table(path: Path, task: TaskConfig, wanted: list[str]) -> pd.DataFrame:
    """Cells as they are stored, classes by their names."""
    found = _loaded(path, task).select_columns(wanted)
    cells = {name: _named(found[name][:], found.features[name]) for name in wanted}
    return pd.DataFrame(cells, dtype=object)


def _named(cells: list[Any], feature: Any) -> list[Any]:
    from datasets import ClassLabel

    inner = getattr(feature, "feature", None)
    if isinstance(inner, ClassLabel):
        return [cell if cell is None else _named(cell, inner) for cell in cells]
    if not isinstance(feature, ClassLabel):
        return cells
    return [None if n is None or n == UNLABELLED else feature.names[n] for n in cells]


def _loaded(path: Path, task: TaskConfig) -> Dataset:
    from datasets import DatasetDict, load_from_disk

    try:
        found = load_from_disk(str(path))
    except (OSError, ValueError, KeyError) as error:
        raise malformed(path, task, told(error)) from error
    if isinstance(found, DatasetDict):
        names = ", ".join(found)
        raise ConfigError("task.file", task.file, f"name one of the splits of {path}: {names}")
    return found
