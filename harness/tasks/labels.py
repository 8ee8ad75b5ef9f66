"""Labels as each kind of task takes them: a class, a number, a tag for each word, an answer."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pandas as pd

from harness.errors import ConfigError
from harness.tasks import cells

if TYPE_CHECKING:
    from harness.task_config import TaskConfig

TAG = re.compile("O|[BI]-.+")


def read(column: pd.Series, task: TaskConfig) -> pd.Series:
    """A class's name, a number, a tuple of tags, or an answer for each row; None for none.

    Raises ConfigError for what is no finite number where numbers are wanted, and for what is no tag
    where tags are.
    """
    if task.kind == "tokens":
        found = cells.words(column, task)
        _check_tags(found, task)
        return found.map(lambda tags: tags or None)
    found = cells.texts(column, task)
    if task.kind == "regression":
        numbers = [_number(text, place, task) for place, text in found.items()]
        return pd.Series(numbers, index=column.index, dtype=object)
    bare = [text.strip() for text in found]
    values = bare if task.kind == "generation" else found
    said = [value if text else None for value, text in zip(values, bare, strict=True)]
    return pd.Series(said, index=column.index, dtype=object)


def names(found: pd.Series, task: TaskConfig) -> tuple[str, ...]:
    """The classes, or the tags, in the order of their numbers; none where labels are no such.

    Raises ConfigError where there is nothing to tell apart, or where `task.labels` lacks one.
    """
    tagged = task.kind == "tokens"
    values = sorted({tag for tags in found for tag in tags} if tagged else set(found))
    if len(values) < 2:
        wanted = {"classification": "classes", "tokens": "tags"}.get(task.kind, "values")
        expected = f"needs two {wanted}; every {'word' if tagged else 'row'} says {values[0]!r}"
        raise ConfigError("task.label", task.label, expected)
    if tagged:
        return _ordered(values, task)
    if task.kind != "classification":
        return ()
    _check_spaces(values, task)
    if len(values) > len(found) / 2:
        expected = f"is no column of classes: {len(values)} values in {len(found)} rows"
        raise ConfigError("task.label", task.label, expected)
    return _ordered(values, task)


def numbered(found: pd.Series, names: tuple[str, ...], task: TaskConfig) -> pd.Series:
    """The labels as a model learns them: names of classes and tags as their numbers."""
    number = {name: i for i, name in enumerate(names)}
    if task.kind == "classification":
        return found.map(number)
    if task.kind == "tokens":
        return found.map(lambda tags: [number[tag] for tag in tags])
    return found.astype(float) if task.kind == "regression" else found


def _ordered(values: list[str], task: TaskConfig) -> tuple[str, ...]:
    if task.labels is None:
        return tuple(values)
    if len(set(task.labels)) != len(task.labels):
        raise ConfigError("task.labels", list(task.labels), "names a class twice")
    for name in values:
        if name not in task.labels:
            expected = f"lacks {name!r}, which is in {task.label}; add it, or drop its rows"
            raise ConfigError("task.labels", list(task.labels), expected)
    return task.labels


def _check_spaces(values: list[str], task: TaskConfig) -> None:
    """Raise ConfigError for classes that a reader of a table could not tell apart."""
    bare: dict[str, str] = {}
    for value in values:
        other = bare.setdefault(" ".join(value.split()), value)
        if other != value:
            expected = f"{other!r} and {value!r} differ in white space alone; write them alike"
            raise ConfigError("task.label", task.label, expected)


def _number(text: str, place: object, task: TaskConfig) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        expected = f"row {place} says {text!r}, which is no finite number"
        raise ConfigError("task.label", task.label, expected)
    return value


def _check_tags(found: pd.Series, task: TaskConfig) -> None:
    for place, tags in found.items():
        for tag in tags:
            if not TAG.fullmatch(tag):
                expected = f"row {place} has the tag {tag!r}; expected O, or B- or I- and a name"
                raise ConfigError("task.label", task.label, expected)
