"""The data of a task: read, checked, cleaned by stated rules, and split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from harness.assets import fetch
from harness.errors import ConfigError
from harness.tasks import labels, look, splits
from harness.tasks.cleaning import clean
from harness.tasks.rows import raw
from harness.tasks.splits import SPLITS

if TYPE_CHECKING:
    from datasets import Dataset

    from harness.task_config import TaskConfig


@dataclass(frozen=True)
class Examples:
    """Three tables with the columns of `TaskData`, and group, as the rules of splitting saw it."""

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    labels: tuple[str, ...]
    counts: dict[str, int]
    """Rows read, and rows left out by each rule."""


@dataclass(frozen=True)
class TaskData:
    """Three data sets with the columns text, pair where the task has one, label, and id.

    | kind | text | label |
    |---|---|---|
    | classification | a text | the number of a class |
    | regression | a text | a finite number |
    | tokens | a list of words | a list of numbers of tags |
    | generation | a prompt | the answer |

    An id is 16 hex digits of the hash of what is read: the text, both texts, or the words. Examples
    lie in the order of their ids.
    """

    train: Dataset
    validation: Dataset
    test: Dataset
    labels: tuple[str, ...]
    """Names of the classes or tags: number i is labels[i]. None for other kinds."""
    counts: dict[str, int]
    """Rows read, and rows left out by each rule."""


def check(task: TaskConfig) -> list[str]:
    """Lines on the data, for people; raises ConfigError or AssetError where `load` would.

    Without importing torch. Fetches the data if it is not there yet. Columns are checked before the
    rows are read.
    """
    return look.told(task, examples(task))


def load(task: TaskConfig) -> TaskData:
    """The task's data. Raises ConfigError for data that cannot be used as the task says."""
    from datasets import ClassLabel, Dataset, Features, Sequence, Value

    found = examples(task)
    string = Value("string")
    label = {
        "classification": ClassLabel(names=list(found.labels)),
        "regression": Value("float64"),
        "tokens": Sequence(Value("int64")),
        "generation": string,
    }[task.kind]
    columns = {"text": Sequence(string) if task.kind == "tokens" else string}
    columns |= {"pair": string} if task.pair is not None else {}
    features = Features(columns | {"label": label, "id": string})

    def dataset(table: pd.DataFrame) -> Dataset:
        return Dataset.from_dict({name: table[name].tolist() for name in features}, features)

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
    `task.drop`; no text, or none of a pair; no label; one text with several labels
    (`contradictory`: all its copies); further copies of a text (`duplicate`); where splits are
    official, training examples that are in validation or test, and validation examples that are in
    test (`in_other_split`). White space makes no text different from another. Texts are compared
    within each official split, so that no rule takes from a test split what is elsewhere.
    """
    if task.text == task.label:
        raise ConfigError("task.label", task.label, "is the column of the text")
    if task.pair in (task.text, task.label):
        which = "text" if task.pair == task.text else "label"
        raise ConfigError("task.pair", task.pair, f"is the column of the {which}")
    if task.validation + task.test >= 1:
        expected = f"leaves nothing to train on beside task.test={task.test}"
        raise ConfigError("task.validation", task.validation, expected)
    read, official = raw(task)
    rows, counts = clean(read, official, task)
    if rows.empty:
        expected = f"no example is left of {counts['rows']} rows"
        raise ConfigError("task.source", fetch(task.source, "task.source"), expected)
    names = labels.names(rows["label"], task)
    return _split(rows, names, counts, task)


def _split(
    rows: pd.DataFrame, names: tuple[str, ...], counts: dict[str, int], task: TaskConfig
) -> Examples:
    columns = {
        "text": rows["text"].map(list) if task.kind == "tokens" else rows["text"],
        "label": labels.numbered(rows["label"], names, task),
        "id": [splits.text_hash(key)[:16] for key in rows["key"]],
        "group": rows["group"],
    }
    if task.pair is not None:
        columns["pair"] = rows["pair"]
    table = pd.DataFrame(columns | {"split": splits.divided(rows, task)})
    table = table.sort_values("id", ignore_index=True)
    split = table.pop("split")
    # Ids are hashes, so the first n of them are a fixed random sample.
    parts = {name: table[split == name].head(task.limit.get(name) or len(table)) for name in SPLITS}
    for name, part in parts.items():
        if part.empty:
            field = "group" if name == "train" else name
            expected = f"{name} is left without an example: {table['group'].nunique()} groups"
            raise ConfigError(f"task.{field}", getattr(task, field), expected)
    if task.kind == "classification":
        absent = set(range(len(names))) - set(parts["train"]["label"])
        if absent:
            expected = f"no training example is labelled {names[min(absent)]!r}"
            raise ConfigError("task.label", task.label, expected)
    parts = {name: part.reset_index(drop=True) for name, part in parts.items()}
    return Examples(**parts, labels=names, counts=counts)
