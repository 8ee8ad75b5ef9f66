"""Which examples train, validate and test: decided by what they say, never by where they stand."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

import pandas as pd

from harness.errors import ConfigError, nearest

if TYPE_CHECKING:
    from harness.config import TaskConfig

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def split_of(group: str, validation: float, test: float) -> Split:
    """The split of a group, so that the splits hold about their shares of all groups.

    The hash of a group alone decides: rows may come in any order, data may grow, and what was a
    test example never becomes a training one. The test split does not depend on the share of the
    validation split.
    """
    position = int(text_hash(f"split\0{group}")[:13], 16) / 16**13
    if position < test:
        return "test"
    return "validation" if position < test + validation else "train"


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
    cut = rows["group"].map(lambda group: split_of(group, validation, test))
    found = cut.where(rows["official"] == "train", rows["official"])
    straddling = int((found.groupby(rows["group"]).nunique() > 1).sum())
    if task.group is not None and straddling:
        expected = f"{straddling} of its values are in several of the splits that the data name"
        raise ConfigError("task.group", task.group, expected)
    return found


def text_hash(text: str) -> str:
    """The sha256 of a text, as 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
