"""Which examples train, validate and test: decided by what they say, never by where they stand."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

import pandas as pd

from harness.errors import ConfigError, nearest

if TYPE_CHECKING:
    from harness.task_config import TaskConfig

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def split_of(group: str, validation: float, test: float) -> Split:
    """The split of a group, so that the splits hold about their shares of all groups.

    The hash of a group alone decides: rows may come in any order, data may grow, and what was a
    test example never becomes a training one. The test split does not depend on the share of the
    validation split.
    """
    place = position(group)
    if place < test:
        return "test"
    return "validation" if place < test + validation else "train"


def position(group: str) -> float:
    """Where the hash of a group puts it, in [0, 1)."""
    return int(text_hash(f"split\0{group}")[:13], 16) / 16**13


def named(found: pd.Series, task: TaskConfig) -> pd.Series:
    """The splits that a column names; raises ConfigError for what is none."""
    for place, name in found.items():
        if name not in SPLITS:
            expected = f"row {place} says {name!r}; {nearest(name, SPLITS)}"
            raise ConfigError("task.split", task.split, expected)
    return found


def divided(rows: pd.DataFrame, task: TaskConfig) -> pd.Series:
    """The split of each row, of those with the columns group and official.

    Official splits stay; one that is not there is cut from what is given to train on. Raises
    ConfigError where official splits share a group that the task says must not straddle them.
    """
    given = set(rows["official"])
    validation = 0.0 if "validation" in given else task.validation
    test = 0.0 if "test" in given else task.test
    found = rows["official"].astype(object)
    cut = rows[rows["official"] == "train"]
    if task.stratify:
        for label, same in cut.groupby("label"):
            found[same.index] = _of_class(str(label), same["group"], validation, test, task)
    else:
        found[cut.index] = [split_of(group, validation, test) for group in cut["group"]]
    if task.group is not None:
        straddling = int((found.groupby(rows["group"]).nunique() > 1).sum())
        if straddling:
            expected = f"{straddling} of its values are in several of the splits that the data name"
            raise ConfigError("task.group", task.group, expected)
    return found


def _of_class(
    name: str, groups: pd.Series, validation: float, test: float, task: TaskConfig
) -> list[Split]:
    """The splits of the rows of one class: the first by hash are for the test, then to validate."""
    n = len(groups)
    tested, validated = (max(1, round(n * share)) if share else 0 for share in (test, validation))
    if n <= tested + validated:
        drop = f"task.drop={{{task.label}: ['{name}']}} leaves it out"
        needed = tested + validated + 1
        expected = f"the class {name!r} has {n} of the {needed} examples that splits need; {drop}"
        raise ConfigError("task.label", task.label, expected)
    places = [position(group) for group in groups]
    found: list[Split] = ["train"] * n
    for rank, row in enumerate(sorted(range(n), key=places.__getitem__)[: tested + validated]):
        found[row] = "test" if rank < tested else "validation"
    return found


def text_hash(text: str) -> str:
    """The sha256 of a text, as 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
