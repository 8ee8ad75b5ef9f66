"""What the data of a task are, at a glance: for the front door, and for the record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.tasks.splits import SPLITS

if TYPE_CHECKING:
    from harness.task_config import TaskConfig
    from harness.tasks.data import Examples, TaskData

LEFT_OUT = {
    "dropped": "dropped by task.drop",
    "no_text": "without text",
    "no_label": "without label",
    "contradictory": "of one text with several labels",
    "duplicate": "duplicates",
    "in_other_split": "also in a later split",
}
MOST_CLASSES = 100
"""Classes that a record lists."""
IMBALANCED = 10.0
"""Examples of the commonest class for each of the rarest, from which on a warning is given."""
WIDE = 0.05
"""Half-width of a 95% interval of accuracy at which most methods cannot be told apart."""
FULL = 0.05
"""Share of texts that fill `task.max_length` above which a warning is given."""
NOTHING = ("nan", "none", "null", "n/a", "na")
"""Names of classes, in small letters, that may have been meant for no label."""


def group(task: TaskConfig, data: TaskData, lengths: Sequence[int]) -> dict[str, Any]:
    """The record's group; `lengths` are the tokens of each training example."""
    sizes: dict[str, Any] = {name: len(getattr(data, name)) for name in SPLITS}
    full = sum(length >= task.max_length for length in lengths)
    found = {**sizes, **data.counts, "median_tokens": median(lengths), "full": full / len(lengths)}
    if task.kind != "classification":
        return found | dict.fromkeys(("classes", "commonest", "imbalance", "per_class"))
    labels: dict[str, Any] = {name: getattr(data, name)["label"] for name in SPLITS}
    counted = _counted(labels, data.labels)
    per_class = [
        {"label": label, **{name: int(counted[name][number]) for name in SPLITS}}
        for number, label in enumerate(data.labels[:MOST_CLASSES])
    ]
    return found | {
        "classes": len(data.labels),
        "commonest": _commonest(counted["train"])[1],
        "imbalance": _imbalance(counted["train"]),
        "per_class": per_class,
    }


def told(task: TaskConfig, found: Examples) -> list[str]:
    """A line on the data, and one for each thing to beware of."""
    sizes = {name: len(getattr(found, name)) for name in SPLITS}
    parts = [f"{found.counts['rows']:,} rows"]
    warnings = []
    if task.kind == "classification":
        labels: dict[str, Any] = {name: getattr(found, name)["label"] for name in SPLITS}
        counted = _counted(labels, found.labels)["train"]
        number, share = _commonest(counted)
        parts.append(f"{len(found.labels)} classes ({share:.0%} {found.labels[number]!r})")
        warnings = _of_classes(task, found.labels, counted)
    elif task.kind == "tokens":
        parts.append(f"{len(found.labels)} tags")
    out = [f"{found.counts[rule]:,} {words}" for rule, words in LEFT_OUT.items()
           if found.counts.get(rule)]  # fmt: skip
    parts += [f"left out {', '.join(out)}"] if out else []
    parts.append(", ".join(f"{name} {size:,}" for name, size in sizes.items()))
    parts.append(_how(task, found))
    line = f"{name_of(task)}: {'; '.join(parts)}"
    warnings += _of_test(task, sizes["test"])
    return [line, *(f"beware: {name_of(task)}: {each}" for each in warnings)]


def of_full(task: TaskConfig, model: str, full: float) -> str | None:
    """What to beware of where a share `full` of the training texts fills what the model reads."""
    if full <= FULL:
        return None
    side = "before" if task.kind == "generation" else "after"
    cut = f"{full:.0%} of the training texts fill task.max_length={task.max_length} with {model}"
    return f"beware: {name_of(task)}: {cut}; what comes {side} is not read"


def name_of(task: TaskConfig) -> str:
    """The user's own file by its name, anything else by the task's."""
    return Path(task.source.path).name if task.source.path else task.name


def _how(task: TaskConfig, found: Examples) -> str:
    official = set(task.files) or ({"train"} if task.split is None else set(SPLITS))
    if official >= set(SPLITS):
        return "splits as given"
    if task.group is not None:
        groups = sum(getattr(found, name)["group"].nunique() for name in SPLITS)
        return f"split by the hash of {task.group}, {groups:,} groups"
    return "split by hash" + (" within each class" if task.stratify else "")


def _of_classes(task: TaskConfig, labels: Sequence[str], counted: NDArray[Any]) -> list[str]:
    found = []
    times, (_, share) = _imbalance(counted), _commonest(counted)
    if times >= IMBALANCED:
        better = "" if task.metric == "macro_f1" else "; task.metric=macro_f1 weighs classes alike"
        found.append(
            f"{times:.0f} examples of the commonest class for each of the rarest: always saying"
            f" the commonest is right {share:.0%} of the time{better}"
        )
    for label in labels:
        if label.strip().lower() in NOTHING:
            drop = f"task.drop={{{task.label}: ['{label}']}} leaves it out"
            found.append(f"{label!r} is read as a class; {drop}")
    return found


def _of_test(task: TaskConfig, n: int) -> list[str]:
    half = 1.96 * math.sqrt(0.25 / n)
    if half <= WIDE:
        return []
    if task.kind == "classification":
        known = f"an accuracy of 50% is known to ±{100 * half:.0f} points from {n} test examples"
        return [f"{known}; methods that are closer are not told apart"]
    return [f"{n} test examples give wide intervals; few methods will be told apart"]


def _counted(
    labels: Mapping[str, Sequence[int]], names: Sequence[str]
) -> dict[str, NDArray[np.int64]]:
    """Examples of each class, by split."""
    return {
        split: np.bincount(np.asarray(numbers, dtype=np.int64), minlength=len(names))
        for split, numbers in labels.items()
    }


def _commonest(counted: NDArray[Any]) -> tuple[int, float]:
    """Its number, and its share of all."""
    number = int(counted.argmax())
    return number, float(counted[number] / counted.sum())


def _imbalance(counted: NDArray[Any]) -> float:
    """How often there is the commonest class for once the rarest."""
    return float(counted.max() / counted.min())
