"""The data of a task: read, checked, cleaned by stated rules, and split."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from harness.assets import fetch
from harness.errors import ConfigError, nearest
from harness.tasks import reader
from harness.tasks.splits import SPLITS, split_of, text_hash

if TYPE_CHECKING:
    from datasets import Dataset

    from harness.config import TaskConfig

FEW = 20  # values that a message can list


@dataclass(frozen=True)
class Examples:
    """Three tables with the columns text, label (a class number), id (16 hex digits) and group."""

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    labels: tuple[str, ...]
    counts: dict[str, int]
    """Rows read, and rows left out by each rule."""


@dataclass(frozen=True)
class TaskData:
    """Three data sets with the columns text, label (a class number) and id (16 hex digits).

    An id is the hash of its text. Examples lie in the order of their ids.
    """

    train: Dataset
    validation: Dataset
    test: Dataset
    labels: tuple[str, ...]
    """Names of the classes: class number i is labels[i]."""
    counts: dict[str, int]
    """Rows read, and rows left out by each rule."""


def check(task: TaskConfig) -> None:
    """Raise ConfigError or AssetError where `load` would, without importing torch or datasets.

    Fetches the data if it is not there yet. Columns are checked before the rows are read.
    """
    examples(task)


def load(task: TaskConfig) -> TaskData:
    """The task's data. Raises ConfigError for data that cannot be used as the task says."""
    from datasets import ClassLabel, Dataset, Features, Value

    found = examples(task)
    features = Features(
        {
            "text": Value("string"),
            "label": ClassLabel(names=list(found.labels)),
            "id": Value("string"),
        }
    )

    def dataset(table: pd.DataFrame) -> Dataset:
        columns = {name: table[name].tolist() for name in features}
        return Dataset.from_dict(columns, features=features)

    return TaskData(
        train=dataset(found.train),
        validation=dataset(found.validation),
        test=dataset(found.test),
        labels=found.labels,
        counts=found.counts,
    )


def examples(task: TaskConfig) -> Examples:
    """The task's data as tables; see `load`.

    Rows are left out by these rules, in this order, each with its count: values named in
    `task.drop`; no text; no label; one text with several labels (`contradictory`: all its copies);
    further copies of a text (`duplicate`). White space makes no text different from another.
    """
    if task.text == task.label:
        raise ConfigError("task.label", task.label, "is the column of the text")
    if task.validation + task.test >= 1:
        expected = f"leaves nothing to train on beside task.test={task.test}"
        raise ConfigError("task.validation", task.validation, expected)
    raw = reader.read(_path(task), task)
    counts = {"rows": len(raw)}

    def keep(rows: pd.DataFrame, rule: str, wanted: pd.Series) -> pd.DataFrame:
        counts[rule] = int((~wanted).sum())
        return rows[wanted]

    raw = keep(raw, "dropped", _not_dropped(raw, task))
    rows = _cells(raw, task)
    rows = keep(rows, "no_text", rows["key"] != "")
    rows = keep(rows, "no_label", rows["label"].str.strip() != "")
    if (rows["group"].str.strip() == "").any():
        raise ConfigError("task.group", task.group, "has no value in some rows")
    rows = keep(rows, "contradictory", rows.groupby("key")["label"].transform("nunique") == 1)
    # Sorted first, so that the copy that stays does not depend on the order of the rows.
    rows = rows.sort_values(["key", "group", "text"])
    rows = keep(rows, "duplicate", ~rows.duplicated("key"))
    if rows.empty:
        raise ConfigError(
            "task.source", _path(task), f"no example is left of {counts['rows']} rows"
        )
    labels = _classes(rows["label"], task)
    return _split(rows, labels, counts, task)


def _path(task: TaskConfig) -> Path:
    folder = fetch(task.source, "task.source")
    # What stands for the data in a trial's identity is the digest of that folder.
    if Path(task.file).is_absolute() or ".." in Path(task.file).parts:
        raise ConfigError("task.file", task.file, f"leads out of {folder}")
    return folder / task.file


def _not_dropped(raw: pd.DataFrame, task: TaskConfig) -> pd.Series:
    wanted = pd.Series(True, index=raw.index)
    for column, values in task.drop.items():
        cells = _column(raw[column], task)
        for value in values:
            if value not in set(cells):
                clause = _options(value, cells)
                raise ConfigError(f"task.drop.{column}", value, f"is in no row{clause}")
        wanted &= ~cells.isin(values)
    return wanted


def _cells(raw: pd.DataFrame, task: TaskConfig) -> pd.DataFrame:
    text = _column(raw[task.text], task)
    key = text.map(lambda cell: " ".join(cell.split()))
    group = _column(raw[task.group], task) if task.group else key
    label = _column(raw[task.label], task)
    return pd.DataFrame({"text": text, "key": key, "label": label, "group": group})


def _column(cells: pd.Series, task: TaskConfig) -> pd.Series:
    values = [_text(cell, place, cells.name, task) for place, cell in cells.items()]
    return pd.Series(values, index=cells.index, dtype=object)


def _text(cell: object, place: object, column: object, task: TaskConfig) -> str:
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    if isinstance(cell, bytes):
        return reader.decoded(cell, str(place), task)
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, int | float):
        return "" if cell != cell else str(cell)
    raise ConfigError(
        "task.source", column, f"row {place} holds a {type(cell).__name__}, not a text"
    )


def _classes(found: pd.Series, task: TaskConfig) -> tuple[str, ...]:
    names = sorted(set(found))
    if len(names) < 2:
        raise ConfigError(
            "task.label", task.label, f"needs two classes; every row says {names[0]!r}"
        )
    if len(names) > len(found) / 2:
        expected = f"is no column of classes: {len(names)} values in {len(found)} rows"
        raise ConfigError("task.label", task.label, expected)
    if task.labels is None:
        return tuple(names)
    if len(set(task.labels)) != len(task.labels):
        raise ConfigError("task.labels", list(task.labels), "names a class twice")
    for name in names:
        if name not in task.labels:
            expected = f"lacks {name!r}, which is in {task.label}; add it, or drop its rows"
            raise ConfigError("task.labels", list(task.labels), expected)
    return task.labels


def _split(
    rows: pd.DataFrame, labels: tuple[str, ...], counts: dict[str, int], task: TaskConfig
) -> Examples:
    table = pd.DataFrame(
        {
            "text": rows["text"],
            "label": rows["label"].map(labels.index),
            "id": rows["key"].map(text_hash).str[:16],
            "group": rows["group"],
        }
    ).sort_values("id", ignore_index=True)
    split = table["group"].map(lambda group: split_of(group, task.validation, task.test))
    # Ids are hashes, so the first n of them are a fixed random sample.
    splits = {
        name: table[split == name].head(task.limit.get(name) or len(table)) for name in SPLITS
    }
    for name, part in splits.items():
        if part.empty:
            field = "group" if name == "train" else name
            expected = f"{name} is left without an example: {table['group'].nunique()} groups"
            raise ConfigError(f"task.{field}", getattr(task, field), expected)
    absent = set(range(len(labels))) - set(splits["train"]["label"])
    if absent:
        label = labels[min(absent)]
        raise ConfigError("task.label", task.label, f"no training example is labelled {label!r}")
    parts = {name: part.reset_index(drop=True) for name, part in splits.items()}
    return Examples(**parts, labels=labels, counts=counts)


def _options(value: str, known: Iterable[str]) -> str:
    names = set(known)
    return f"; {nearest(value, names)}" if len(names) <= FEW else ""
