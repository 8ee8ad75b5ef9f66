"""What a task leaves to its data: its kind where that is safe to tell, its files, its metric.

Nothing is guessed silently: what is told here is printed, and stands in the trial's config.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.assets import hub
from harness.checked import from_plain
from harness.errors import ConfigError
from harness.task_config import TaskConfig
from harness.tasks import METRICS

FEW = 20
"""Different labels that are classes even where there are few rows."""
ROWS_PER_CLASS = 10
"""Rows for each class, on average, where there are more classes than that."""
LONGEST_NAME = 64
"""Letters of a class's name; what is longer is text."""
UNREAD = ("name", "kind", "max_length", "max_answer", "metric", "stratify", "validation", "test",
          "limit")  # fmt: skip
"""Fields of a task that change nothing of the rows that are read."""


@dataclass(frozen=True)
class Reading:
    """How labels are read, and why."""

    kind: str
    why: str


def settled(plain: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `TaskConfig` with those that are null taken from the data.

    kind: read from the labels. metric: the first of those that fit the kind. name: the file's.
    stratify: true where there are classes and no group. Files of a data set with official splits:
    those splits. Raises ConfigError where the data leave it open, with the fields that decide.
    """
    from harness.tasks.official import with_files

    # Null in a file, so that a command line may give any names to it.
    empty = {name for name in ("files", "drop") if plain.get(name, "") is None}
    plain = {name: value for name, value in plain.items() if name not in empty}
    plain = with_files(plain | {"source": _at_commit(plain.get("source")), "name": _name(plain)})
    if plain.get("kind", "") is None:
        plain = plain | {"kind": _kind(plain)}
    kind = plain.get("kind")
    if plain.get("metric", "") is None and kind in METRICS:
        plain = plain | {"metric": METRICS[kind][0]}
    if plain.get("stratify", "") is None:
        plain = plain | {"stratify": kind == "classification" and not plain.get("group")}
    return plain


def _name(plain: dict[str, Any]) -> object:
    """Of a task that was given none: that of its repository, file or folder, without what its
    format adds.
    """
    source = plain.get("source")
    if plain.get("name", "") is not None or not isinstance(source, dict):
        return plain.get("name")
    where = source.get("repo") or source.get("path")
    return where and Path(str(where)).absolute().name.partition(".")[0]


def _at_commit(source: Any) -> Any:
    """With the commit that its branch stands for today, so that the data are known."""
    if not isinstance(source, dict) or source.get("kind") != "hub":
        return source
    commit = hub.commit(str(source["repo"]), str(source["revision"]), "task.revision")
    return source | {"revision": commit}


def _kind(plain: dict[str, Any]) -> str:
    from harness import assets

    read = {name: value for name, value in plain.items() if name not in UNREAD}
    task = _checked(read)
    found = _read(json.dumps(read, sort_keys=True), assets.digest(task.source, "task.source"))
    return found.kind


def _checked(read: dict[str, Any]) -> TaskConfig:
    placeholder = {"name": "task", "kind": "classification", "max_length": 1}
    # Tags are checked as such once they are known to be some.
    return from_plain(TaskConfig, read | placeholder)


@lru_cache
def _read(canonical: str, digest: str) -> Reading:
    """Of each content once, since a sweep asks for the same task once per trial."""
    from harness.tasks.look import name_of
    from harness.tasks.rows import raw

    task = _checked(json.loads(canonical))
    rows, _ = raw(task, keep=True)  # they are checked next
    found = of_labels(list(rows[task.label]), list(rows[task.text]), task)
    print(f"{name_of(task)}: {task.label} has {found.why}; read as {found.kind}", flush=True)
    return found


def of_labels(labels: Sequence[Any], texts: Sequence[Any], task: TaskConfig) -> Reading:
    """The kind that labels of rows say; raises ConfigError where they leave it open."""
    said = [
        (place, label, text)
        for place, (label, text) in enumerate(zip(labels, texts, strict=True))
        if not _absent(label)
    ]
    if not said:
        raise ConfigError("task.label", task.label, f"none of {len(labels)} rows has a label")
    found = [label for _, label, _ in said]
    if tagged := _tags(said):
        return tagged
    _check_types(said, task)
    values = {str(label).strip() for label in found}
    if len(values) == 1:
        expected = f"every row says {values.pop()!r}; there is nothing to tell apart"
        raise ConfigError("task.label", task.label, expected)
    numbers = [_number(value) for value in values]
    if all(number is not None for number in numbers):
        return _of_numbers([n for n in numbers if n is not None], len(found), task)
    return _of_texts(values, len(found), task)


def _of_numbers(values: list[float], rows: int, task: TaskConfig) -> Reading:
    told = f"{len(values)} different numbers in {rows:,} rows"
    whole = all(value.is_integer() for value in values)
    few = len(values) <= FEW and 2 * len(values) <= rows
    if whole and few:
        taken = "task.kind=regression takes them as numbers"
        return Reading("classification", f"{told}, all of them whole ({taken})")
    if not whole and len(values) > FEW:
        return Reading("regression", f"{told}, with fractions")
    options = "task.kind=classification (each number a class) or task.kind=regression"
    raise ConfigError("task.kind", "null", f"{task.label} has {told}; say {options}")


def _of_texts(values: set[str], rows: int, task: TaskConfig) -> Reading:
    told = f"{len(values)} different values in {rows:,} rows"
    enough = 2 if len(values) <= FEW else ROWS_PER_CLASS
    short = max(map(len, values)) <= LONGEST_NAME
    if short and enough * len(values) <= rows:
        return Reading("classification", told)
    options = "task.kind=classification (each value a class) or task.kind=generation (an answer)"
    raise ConfigError("task.kind", "null", f"{task.label} has {told}; say {options}")


def _tags(said: list[tuple[int, Any, Any]]) -> Reading | None:
    """Where every label is as many tags as its text has words, some of them the start of a name."""
    from harness.tasks.labels import TAG

    starts = False
    for _, label, text in said:
        tags, words = _parts(label), _parts(text)
        if len(tags) != len(words) or not all(map(TAG.fullmatch, tags)):
            return None
        starts = starts or any(tag.startswith("B-") for tag in tags)
    return Reading("tokens", f"a tag for each word in {len(said):,} rows") if starts else None


def _parts(cell: Any) -> list[str]:
    return [str(part) for part in cell] if isinstance(cell, list) else str(cell).split()


def _check_types(said: list[tuple[int, Any, Any]], task: TaskConfig) -> None:
    """Raise ConfigError for lists and objects, and for labels of several types."""
    places: dict[type, int] = {}
    for place, label, _ in said:
        places.setdefault(type(label), place)
    first: dict[str, int] = {}
    for kind, place in places.items():
        first.setdefault(_called(kind), place)
    if nested := first.keys() - {"text", "number", "truth value"}:
        name = nested.pop()
        expected = f"row {first[name]} holds a {name}, which is neither class, number nor answer"
        raise ConfigError("task.label", task.label, expected)
    if len(first) > 1:
        told = " and ".join(f"a {name} in row {place}" for name, place in first.items())
        expected = f"holds {told}; task.kind=classification takes all as names of classes"
        raise ConfigError("task.label", task.label, expected)


def _called(kind: type) -> str:
    if issubclass(kind, bool):
        return "truth value"
    if issubclass(kind, int | float):
        return "number"
    return "text" if issubclass(kind, str | bytes) else kind.__name__


def _absent(cell: Any) -> bool:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return True
    return isinstance(cell, str) and not cell.strip()


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    # Python also reads 1_000, nan and infinity.
    return found if math.isfinite(found) and "_" not in text else None
