"""Tables whose cells are separated by commas or tabs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from harness.tasks.files import malformed, opened

if TYPE_CHECKING:
    from harness.task_config import TaskConfig

SEPARATORS = {"csv": ",", "tsv": "\t"}
LONGEST_CELL = 2**27  # characters
MORE = "..."
"""In the place of the last name: rows may have further cells, which nobody reads."""


def columns(path: Path, task: TaskConfig) -> list[str]:
    return next(_rows(path, task), [])


def table(path: Path, task: TaskConfig, wanted: list[str]) -> pd.DataFrame:
    rows = _rows(path, task)
    header = next(rows)
    places = [header.index(column) for column in wanted]
    cells: list[list[str]] = [[] for _ in wanted]
    appends = [(column.append, place) for column, place in zip(cells, places, strict=True)]
    for row in rows:
        for append, place in appends:
            append(row[place])
    # Cells stay text: "NA" may be a label, and "01" is not "1".
    return pd.DataFrame(dict(zip(wanted, cells, strict=True)), dtype=object)


def _rows(path: Path, task: TaskConfig) -> Iterator[list[str]]:
    """The header and the rows, each as long as the header.

    Not through pandas, which cuts or shifts the cells of a row that is longer than the header: a
    comma that somebody forgot to quote would become a wrong label.
    """
    csv.field_size_limit(LONGEST_CELL)
    header, open_ended = list(task.columns or ()), False
    if header:
        open_ended = header[-1] == MORE
        header = header[:-1] if open_ended else header
        yield header
    with opened(path, task) as file:
        for _ in islice(file, task.skip):
            pass
        rows = csv.reader(
            file,
            delimiter=task.separator or SEPARATORS[task.format],
            strict=True,
            quoting=csv.QUOTE_MINIMAL if task.quoting else csv.QUOTE_NONE,
        )
        try:
            for row in rows:
                if not row:
                    continue
                header = header or row
                width = len(header)
                if len(row) < width or (len(row) > width and not open_ended):
                    line = task.skip + rows.line_num
                    problem = f"line {line} has {len(row)} cells, the header {width}"
                    raise malformed(path, task, problem)
                yield row
        except csv.Error as error:
            line = task.skip + rows.line_num
            raise malformed(path, task, f"line {line}: {_told(error)}") from error


def _told(error: csv.Error) -> str:
    if "unexpected end of data" in str(error):
        return "a quote is never closed; task.quoting=false takes quotes as letters"
    return str(error)
