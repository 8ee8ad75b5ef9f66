"""Sentences with a word per line, its tags beside it, and an empty line after each sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from harness.tasks.files import malformed, opened

if TYPE_CHECKING:
    from harness.task_config import TaskConfig

DOCUMENT = "-DOCSTART-"
"""Begins a line between two documents, which is no sentence."""


def columns(path: Path, task: TaskConfig) -> list[str]:
    return list(task.columns or ())


def table(path: Path, task: TaskConfig, wanted: list[str]) -> pd.DataFrame:
    """A row for each sentence; its cells are lists with a text for each word."""
    names = columns(path, task)
    places = [names.index(column) for column in wanted]
    rows = [[list(cells[place]) for place in places] for cells in _sentences(path, task)]
    return pd.DataFrame(rows, columns=wanted, dtype=object)


def _sentences(path: Path, task: TaskConfig) -> Iterator[list[tuple[str, ...]]]:
    """Of each sentence its columns, each with a cell for every word."""
    words: list[list[str]] = []
    width = len(columns(path, task))
    with opened(path, task) as file:
        for number, line in islice(enumerate(file, start=1), task.skip, None):
            # No other white space separates: a word may hold a no-break space.
            cells = re.split("[ \t]+", line.strip(" \t\r\n"))
            if cells[0] in ("", DOCUMENT):
                if words:
                    yield list(zip(*words, strict=True))
                words = []
                continue
            if len(cells) != width:
                named = f"task.columns=[{','.join(columns(path, task))}] names {width}"
                problem = f"line {number} has {len(cells)} cells, {named}"
                raise malformed(path, task, problem)
            words.append(cells)
    if words:
        yield list(zip(*words, strict=True))
