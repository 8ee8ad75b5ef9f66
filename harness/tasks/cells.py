"""What stands in a cell, as text or as words, whatever a format kept it as."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from harness.errors import ConfigError
from harness.tasks.files import decoded

if TYPE_CHECKING:
    from harness.task_config import TaskConfig


def texts(cells: pd.Series, task: TaskConfig) -> pd.Series:
    """Each cell as text; nothing is an empty one. Raises ConfigError for one that holds more."""
    values = [
        cell if type(cell) is str and "\0" not in cell else _text(cell, place, cells.name, task)
        for place, cell in zip(cells.index, cells, strict=True)
    ]
    return pd.Series(values, index=cells.index, dtype=object)


def words(cells: pd.Series, task: TaskConfig) -> pd.Series:
    """Each cell as a tuple of words: a list's, or those that white space separates in a text."""
    values = [_words(cell, place, cells.name, task) for place, cell in cells.items()]
    return pd.Series(values, index=cells.index, dtype=object)


def _words(cell: object, place: object, column: object, task: TaskConfig) -> tuple[str, ...]:
    if not isinstance(cell, list):
        return tuple(_text(cell, place, column, task).split())
    found = tuple(_text(word, place, column, task) for word in cell)
    if not all(word.strip() for word in found):
        raise ConfigError("task.source", column, f"row {place} holds an empty word")
    return found


def _text(cell: object, place: object, column: object, task: TaskConfig) -> str:
    if isinstance(cell, str):
        if "\0" in cell:
            expected = f"row {place} holds a null byte, which no text does"
            raise ConfigError("task.source", column, expected)
        return cell
    if cell is None:
        return ""
    if isinstance(cell, bytes):
        return decoded(cell, str(place), task)
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, int | float):
        return "" if cell != cell else str(cell)
    raise ConfigError(
        "task.source", column, f"row {place} holds a {type(cell).__name__}, not a text"
    )
