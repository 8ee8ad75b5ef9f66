"""What was tried and how it ended, and the rule that picks a learning rate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path
from statistics import fmean

from harness.checked import Checked
from harness.recipes import lines

NOISE = 0.02
"""Scores that differ by less are taken for equal: two seeds of one trial do. Of twelve schedules of
classification by an encoder that were run with three seeds, the median standard deviation is 0.015;
that of a difference is the square root of two times as much.
"""

Cell = tuple[str, str]
"""Kind of task and family of models."""


@dataclass(frozen=True)
class Tried(Checked):
    """One trial of a search: a line of the evidence."""

    kind: str
    family: str
    model: str
    task: str
    method: str
    size: int | None
    multiple: float
    """Of the method's own rate."""
    learning_rate: float
    seed: int
    steps: int
    batch_size: int
    metric: str
    """Higher is better."""
    validation: float | None
    """None where training did not end well."""
    status: str

    @property
    def cell(self) -> Cell:
        return self.kind, self.family

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it the same trial as another."""
        of_cell = (*self.cell, self.model, self.task)
        length = self.steps, self.batch_size
        return (*of_cell, self.method, self.size, self.multiple, self.seed, *length)

    @property
    def examples(self) -> int:
        return self.steps * self.batch_size


def read(file: Path) -> list[Tried]:
    """The lines of a file of evidence; none where there is no file. Raises ConfigError."""
    return lines.read(Tried, file)


def write(file: Path, rows: Iterable[Tried]) -> None:
    """Write the evidence, each trial once, in an order of its own."""
    order = sorted(
        set(rows), key=lambda r: (r.cell, r.method, r.multiple, r.examples, r.steps, r.seed)
    )
    lines.write(Tried, file, order)


def scores(rows: Iterable[Tried]) -> dict[float, float | None]:
    """Of one method in one cell: mean validation by multiple; None where a seed ended badly."""
    found: dict[float, list[float | None]] = defaultdict(list)
    for row in rows:
        found[row.multiple].append(row.validation if row.status == "ok" else None)
    means: dict[float, float | None] = {}
    for multiple, values in sorted(found.items()):
        sound = [value for value in values if value is not None]
        means[multiple] = fmean(sound) if len(sound) == len(values) else None
    return means


def chosen(means: Mapping[float, float | None]) -> float | None:
    """The multiple nearest to 1 of those that score within NOISE of the best; of two the lower.

    None where no rate ended well.
    """
    sound = {multiple: score for multiple, score in means.items() if score is not None}
    if not sound:
        return None
    best = max(sound.values())
    alike = [multiple for multiple, score in sound.items() if score >= best - NOISE]
    return min(alike, key=lambda multiple: (round(abs(log10(multiple)), 1), multiple))


def picked(rows: Iterable[Tried]) -> dict[Cell, dict[str, float]]:
    """The multiple that is chosen for each method in each cell, where a rate ended well."""
    return {
        cell: {m: best for m, own in methods.items() if (best := chosen(scores(own))) is not None}
        for cell, methods in by_method(rows).items()
    }


def beyond(means: Mapping[float, float | None], further: Sequence[float]) -> float | None:
    """What to try next: the nearest multiple past the edge at which the chosen one lies, if any.

    Where no rate ended well, the nearest that is lower than all.
    """
    if not means:
        return None
    best = chosen(means)
    if best in (None, min(means)):
        return max((each for each in further if each < min(means)), default=None)
    if best == max(means):
        return min((each for each in further if each > best), default=None)
    return None


def by_method(rows: Iterable[Tried]) -> dict[Cell, dict[str, list[Tried]]]:
    """The lines of each method in each cell, of its longest trainings alone.

    Rates are compared at one length: shorter trainings like higher ones.
    """
    found: dict[Cell, dict[str, list[Tried]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row.cell][row.method].append(row)
    for methods in found.values():
        for method, own in methods.items():
            longest = max(row.examples for row in own)
            methods[method] = [row for row in own if row.examples == longest]
    return found
