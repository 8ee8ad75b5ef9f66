"""Rows become examples by stated rules, and what each rule leaves out is counted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from harness.errors import ConfigError, nearest
from harness.tasks import cells, labels
from harness.tasks.splits import SPLITS

if TYPE_CHECKING:
    from harness.task_config import TaskConfig

FEW = 20  # values that a message can list


def clean(
    raw: pd.DataFrame, official: pd.Series, task: TaskConfig
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows that make examples, and what was left out, rule by rule.

    `raw` has the columns that the task names; `official` is the split that each row is given in.
    The columns that come out: text (a tuple of words for `tokens`), pair where the task has one,
    key (what the model reads, without differences of white space), label as `labels.read` gives
    it, group, official.
    """
    counts = {"rows": len(raw)}

    def keep(rows: pd.DataFrame, rule: str, wanted: pd.Series) -> pd.DataFrame:
        counts[rule] = int((~wanted).sum())
        return rows[wanted]

    raw = keep(raw, "dropped", _not_dropped(raw, task))
    rows = _read(raw, task).assign(official=official)
    rows = keep(rows, "no_text", rows["read"])
    rows = keep(rows, "no_label", rows["label"].notna())
    if task.kind == "tokens":
        _check_lengths(rows, task)
    rows = rows.assign(group=_groups(raw.loc[rows.index], rows["key"], task))
    # Within a split: what contradicts a test example is left out of training as a copy of it.
    rows = keep(rows, "contradictory", ~_are_in(rows, _contradictory(rows)))
    rows = keep(rows, "duplicate", ~_are_in(rows, _surplus(rows, task)))
    if task.files or task.split is not None:
        rows = keep(rows, "in_other_split", ~_held_out(rows))
    return rows.drop(columns="read"), counts


def _copies(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that say what another row of their split says, which are few as a rule."""
    return rows[rows.duplicated(["official", "key"], keep=False)]


def _are_in(rows: pd.DataFrame, some: pd.Index) -> pd.Series:
    return pd.Series(rows.index.isin(some), index=rows.index)


def _contradictory(rows: pd.DataFrame) -> pd.Index:
    """Copies that do not all have the same label."""
    copies = _copies(rows)
    same = [copies["official"], copies["key"]]
    said = copies["label"].map(repr).groupby(same).transform("nunique")
    return copies.index[said > 1]


def _surplus(rows: pd.DataFrame, task: TaskConfig) -> pd.Index:
    """All copies but one, which does not depend on the order of the rows."""
    order = ["official", "key", "group", "text", *(["pair"] if task.pair else [])]
    copies = _copies(rows).sort_values(order, key=lambda column: column.map(str))
    return copies.index[copies.duplicated(["official", "key"])]


def _read(raw: pd.DataFrame, task: TaskConfig) -> pd.DataFrame:
    columns = {}
    if task.kind == "tokens":
        columns["text"] = cells.words(raw[task.text], task)
        keys = [_evened(map(" ".join, columns["text"]))]
    else:
        columns["text"] = cells.texts(raw[task.text], task)
        keys = [_evened(columns["text"])]
    if task.pair is not None:
        columns["pair"] = cells.texts(raw[task.pair], task)
        keys.append(_evened(columns["pair"]))
    # No part of a key holds a tab, so that no two pairs share one.
    joined = keys[0] if len(keys) == 1 else ["\t".join(pair) for pair in zip(*keys, strict=True)]
    columns["key"] = pd.Series(joined, index=raw.index, dtype=object)
    columns["label"] = labels.read(raw[task.label], task)
    table = pd.DataFrame(columns)
    table["read"] = [all(parts) for parts in zip(*keys, strict=True)]
    return table


def _evened(texts: Iterable[str]) -> list[str]:
    """Texts without differences of white space."""
    return [" ".join(text.split()) for text in texts]


def _check_lengths(rows: pd.DataFrame, task: TaskConfig) -> None:
    for place, words, tags in zip(rows.index, rows["text"], rows["label"], strict=True):
        if len(words) != len(tags):
            expected = f"row {place} has {len(words)} words and {len(tags)} tags"
            raise ConfigError("task.label", task.label, expected)


def _groups(raw: pd.DataFrame, keys: pd.Series, task: TaskConfig) -> pd.Series:
    if task.group is None:
        return keys
    found = cells.texts(raw[task.group], task)
    if task.group_pattern is not None:
        found = _parts(found, task.group_pattern)
    if (found.str.strip() == "").any():
        raise ConfigError("task.group", task.group, "has no value in some rows")
    return found


def _parts(found: pd.Series, pattern: str) -> pd.Series:
    """What the pattern's first parenthesis matches of each text."""
    try:
        compiled = re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise ConfigError("task.group_pattern", pattern, f"is no pattern: {error}") from error
    if not compiled.groups:
        raise ConfigError("task.group_pattern", pattern, "needs a parenthesis around the group")
    matches = [compiled.fullmatch(text) for text in found]
    for place, match in zip(found.index, matches, strict=True):
        if match is None or match[1] is None:
            raise ConfigError("task.group_pattern", pattern, f"does not fit row {place}")
    return pd.Series([match[1] for match in matches if match], index=found.index, dtype=object)


def _held_out(rows: pd.DataFrame) -> pd.Series:
    """Whether what an example says is in a split that comes later in train, validation, test."""
    last = rows["official"].map(SPLITS.index)
    return last < last.groupby(rows["key"]).transform("max")


def _not_dropped(raw: pd.DataFrame, task: TaskConfig) -> pd.Series:
    wanted = pd.Series(True, index=raw.index)
    for column, values in task.drop.items():
        found = cells.texts(raw[column], task)
        for value in values:
            if value not in set(found):
                clause = _options(value, found)
                raise ConfigError(f"task.drop.{column}", value, f"is in no row{clause}")
        wanted &= ~found.isin(values)
    return wanted


def _options(value: str, known: Iterable[str]) -> str:
    names = set(known)
    return f"; {nearest(value, names)}" if len(names) <= FEW else ""
