"""The rows of a task's data as they are stored, with the splits that they are given in."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from harness import assets
from harness.errors import ConfigError
from harness.tasks import cells, reader, splits
from harness.tasks.inferred import UNREAD

if TYPE_CHECKING:
    from harness.task_config import TaskConfig

Raw = tuple[pd.DataFrame, pd.Series]
_kept: dict[str, Raw] = {}


def raw(task: TaskConfig, keep: bool = False) -> Raw:
    """The rows as they are stored, and the split that each is given in. Raises ConfigError.

    With `keep` they are there for the next call, which is spared the reading if it asks for the
    same content; any call lets go of them.
    """
    key = _content(task) if keep or _kept else ""
    found = _kept.pop(key, None)
    _kept.clear()  # before others are read: two tables may be more than fits
    found = found or _read(task)
    if keep:
        _kept[key] = found
    return found


def forget() -> None:
    """Let go of what is kept, where nobody will ask for it."""
    _kept.clear()


def _content(task: TaskConfig) -> str:
    """What decides which rows are read: fields of the task, and the content of its source."""
    fields = {name: value for name, value in asdict(task).items() if name not in UNREAD}
    return json.dumps([fields, assets.digest(task.source, "task.source")])


def _read(task: TaskConfig) -> Raw:
    if not task.files:
        found = _rows(task, "task.file", task.file)
        if task.split is None:
            return found, pd.Series("train", index=found.index, dtype=object)
        return found, splits.named(cells.texts(found[task.split], task), task)
    parts = {}
    for split, file in task.files.items():
        part = _rows(task, f"task.files.{split}", file)
        part.index = pd.Index([f"{place} of {file}" for place in part.index])
        parts[split] = part
    given = [pd.Series(split, index=part.index, dtype=object) for split, part in parts.items()]
    return pd.concat(parts.values()), pd.concat(given)


def _rows(task: TaskConfig, field: str, file: str) -> pd.DataFrame:
    """Of a file, or of all that a pattern with a star finds."""
    paths = _paths(task, field, file)
    parts = [reader.read(path, task) for path in paths]
    if not any(map(len, parts)):
        raise ConfigError("task.source", paths[0], "holds no row")
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def _paths(task: TaskConfig, field: str, file: str) -> list[Path]:
    folder = assets.fetch(task.source, "task.source")
    # What stands for the data in a trial's identity is the digest of that folder.
    if Path(file).is_absolute() or ".." in Path(file).parts:
        raise ConfigError(field, file, f"leads out of {folder}")
    found = sorted(folder.glob(file)) if "*" in file else [folder / file]
    if not found or not found[0].exists():
        raise ConfigError(field, file, f"no such file in {(folder / file).parent}")
    return found
