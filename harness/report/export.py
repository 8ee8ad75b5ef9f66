"""The methods table as files for other programs: CSV at full precision, LaTeX as it is shown.

The page makes the same bytes from its own data, so that a page that was sent alone has them too.
"""

from __future__ import annotations

import csv as csv_module
import io
import re
from collections.abc import Iterable

import numpy as np

from harness.analysis.entry import Entry
from harness.report.subject import Subject
from harness.report.table import Table, specs

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the start of a formula."""

TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\u00a0": "~",
    "–": "--",
    "−": "$-$",
    "×": r"$\times$",
    "≥": r"$\geq$",
}


def csv(subject: Subject) -> str:
    """A line per configuration in the order of rank, by RFC 4180: its names, trials and rank, then
    every figure of the methods table in the units of a record with its bounds. Text that a
    spreadsheet would run is led by an apostrophe.
    """
    buffer = io.StringIO()
    writer = csv_module.writer(buffer)
    figures = [column.figure for column, _, _ in specs(subject)]
    estimates = {
        name: {entry.label: subject.estimate(entry, name) for entry in subject.entries}
        for name in figures
    }
    bounded = {n for n, of in estimates.items() if any(e.low is not None for e in of.values())}
    bounded |= {n for n, of in estimates.items() if any(e.high is not None for e in of.values())}
    least = {n for n, of in estimates.items() if any(e.at_least for e in of.values())}
    heads = ["label", "method", "family", "size", "seeds", "trials", "rank"]
    for name in figures:
        heads += [name, *([f"{name}_low", f"{name}_high"] if name in bounded else [])]
        heads += [f"{name}_at_least"] if name in least else []
    writer.writerow(heads)
    for entry in subject.in_order:
        cells = _identity(subject, entry)
        for name in figures:
            found = estimates[name][entry.label]
            cells.append(number(found.value))
            if name in bounded:
                cells += [number(found.low), number(found.high)]
            if name in least:
                cells.append(str(int(found.at_least)))
        writer.writerow(cells)
    return buffer.getvalue()


def latex(table: Table) -> str:
    """A booktabs tabular of what the page shows, intervals in brackets behind their figures."""
    heads = [
        ["Rank", "Method", *(column.title for column in table.columns)],
        ["", "", *(column.unit for column in table.columns)],
    ]
    rows = [
        [row.rank.text, row.label]
        + [f"{cell.text} ({cell.below})" if cell.below else cell.text for cell in row.cells]
        for row in table.rows
    ]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{rl{'r' * len(table.columns)}}}",
            r"\toprule",
            *map(_line, heads),
            r"\midrule",
            *map(_line, rows),
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _identity(subject: Subject, entry: Entry) -> list[str]:
    place = subject.places.get(entry.label)
    names = (entry.label, entry.method, entry.family)
    return [
        *(f"'{name}" if name.startswith(FORMULA) else name for name in names),
        "" if entry.size is None else str(entry.size),
        " ".join(str(seed) for seed in entry.seeds if seed is not None),
        " ".join(entry.trials),
        "" if place is None else str(place.rank),
    ]


def number(value: float | None) -> str:
    """The shortest text that reads back as the same number, as JavaScript writes it."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < 1e21:
        return np.format_float_positional(float(value), trim="-")
    return re.sub(r"e([+-])0*", r"e\1", repr(float(value)))


def _line(cells: Iterable[str]) -> str:
    return " & ".join(map(_tex, cells)) + r" \\"


def _tex(text: str) -> str:
    plain = re.sub(r"[^\S\u00a0]|[\x00-\x1f\x85\ufeff]", " ", text)
    return "".join(TEX.get(letter, letter) for letter in plain)
