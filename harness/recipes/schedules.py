"""How many steps, and of how many examples: the rule that picks them for a kind and a family.

Methods share a schedule, so that none is compared on more examples than another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log2
from statistics import fmean

from omegaconf import DictConfig

from harness.recipes import evidence
from harness.recipes.evidence import NOISE, Cell, Tried
from harness.recipes.multiples import of_cell


@dataclass(frozen=True, order=True)
class Schedule:
    """The length of a training."""

    steps: int
    batch_size: int

    @property
    def examples(self) -> int:
        return self.steps * self.batch_size


Schedules = dict[str, dict[str, dict[str, int]]]
"""By kind of task and family of models: `steps` and `batch_size`."""

USUAL = Schedule(steps=150, batch_size=16)
"""Of what nobody searched."""


def schedule(cfg: DictConfig, schedules: Schedules) -> Schedule:
    """That of a composed config's kind of task and family of models, or the usual one."""
    found = of_cell(cfg, schedules)
    return Schedule(**found) if found else USUAL


def scores(rows: Iterable[Tried]) -> dict[Schedule, float]:
    """Mean validation over methods, of the schedules at which each ended well.

    A method that was tried at several rates counts with the best of those at which every seed did.
    """
    found: dict[Schedule, dict[str, list[Tried]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[Schedule(row.steps, row.batch_size)][row.method].append(row)
    methods = {method for by_method in found.values() for method in by_method}
    means = {}
    for each, by_method in sorted(found.items(), key=lambda item: (item[0].examples, item[0])):
        best = [_best(by_method[method]) for method in sorted(methods)]
        sound = [score for score in best if score is not None]
        if sound == best:
            means[each] = fmean(sound)
    return means


def _best(rows: Iterable[Tried]) -> float | None:
    """Of one method at one schedule; None where it ended well at no rate."""
    by_multiple = evidence.scores(rows)
    return max((score for score in by_multiple.values() if score is not None), default=None)


def batch_size(means: Mapping[Schedule, float]) -> int | None:
    """The best at the fewest examples for which several were tried; of equals the most usual.

    None where there is nothing to compare.
    """
    by_examples: dict[int, dict[int, float]] = defaultdict(dict)
    for each, score in means.items():
        by_examples[each.examples][each.batch_size] = score
    compared = [by_examples[examples] for examples in sorted(by_examples)]
    first = next((own for own in compared if len(own) > 1), None)
    if first is None:
        return None
    alike = [size for size, score in first.items() if score >= max(first.values()) - NOISE]
    return min(alike, key=lambda size: (abs(log2(size / USUAL.batch_size)), size))


def chosen(means: Mapping[Schedule, float]) -> Schedule | None:
    """The shortest of the best batch size after which no longer one gains more than NOISE.

    None where batch sizes were not compared.
    """
    size = batch_size(means)
    own = sorted(each for each in means if each.batch_size == size)
    enough = (e for e in own if all(means[o] <= means[e] + NOISE for o in longer(e, means)))
    return next(enough, None)


def longer(than: Schedule, means: Mapping[Schedule, float]) -> list[Schedule]:
    """What was tried of the same batch size and more steps."""
    return [e for e in means if e.batch_size == than.batch_size and e.steps > than.steps]


def beyond(means: Mapping[Schedule, float], most: int) -> Schedule | None:
    """Twice the steps of the chosen one where none longer was tried.

    None where that would be of more than `most` examples.
    """
    own = chosen(means)
    if own is None or longer(own, means):
        return None
    twice = Schedule(2 * own.steps, own.batch_size)
    return twice if twice.examples <= most else None


def by_cell(rows: Iterable[Tried]) -> dict[Cell, list[Tried]]:
    """The lines of each cell."""
    found: dict[Cell, list[Tried]] = defaultdict(list)
    for row in rows:
        found[row.cell].append(row)
    return found
