"""How many steps, and of how many examples: the rule that picks them for a kind and a family.

Methods share a schedule, so that none is compared on more examples than another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from math import log2
from statistics import fmean

from omegaconf import DictConfig

from harness.recipes import evidence, multiples
from harness.recipes.evidence import NOISE, Cell, Tried


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

Scores = dict[Schedule, dict[str, float]]
"""By schedule, what every method came to on validation."""

USUAL = Schedule(steps=150, batch_size=16)
"""Of what nobody searched."""


def schedule(cfg: DictConfig, schedules: Schedules) -> Schedule:
    """That of a composed config's kind of task and family of models, or the usual one."""
    return of_cell(multiples.cell_of(cfg), schedules)


def of_cell(cell: tuple[str | None, str | None], schedules: Schedules) -> Schedule:
    """What a cell takes: its own, that of classification by its family, or the usual one."""
    found = multiples.of_cell(cell, schedules)
    return Schedule(**found) if found else USUAL


def picked(rows: Iterable[Tried]) -> Schedules:
    """What the rule picks out of the evidence, for the cells where it picks one."""
    found: Schedules = {}
    for (kind, family), own in by_cell(rows).items():
        best = chosen(scores(own))
        if best is not None:
            found.setdefault(kind, {})[family] = asdict(best)
    return found


def scores(rows: Iterable[Tried]) -> Scores:
    """Mean validation over seeds of every method, of the schedules at which each ended well.

    A method that was tried at several rates has the best of those at which every seed did.
    """
    found: dict[Schedule, dict[str, list[Tried]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[Schedule(row.steps, row.batch_size)][row.method].append(row)
    methods = sorted({method for by_method in found.values() for method in by_method})
    known: Scores = {}
    for each, by_method in sorted(found.items(), key=lambda item: (item[0].examples, item[0])):
        best = {method: _best(by_method[method]) for method in methods}
        sound = {method: score for method, score in best.items() if score is not None}
        if sound == best:
            known[each] = sound
    return known


def _best(rows: Iterable[Tried]) -> float | None:
    """Of one method at one schedule; None where it ended well at no rate."""
    by_multiple = evidence.scores(rows)
    return max((score for score in by_multiple.values() if score is not None), default=None)


def batch_size(known: Scores) -> int | None:
    """The best by the mean over methods, at the most examples for which several were tried.

    Of equals the most usual. None where there is nothing to compare.
    """
    by_examples: dict[int, dict[int, float]] = defaultdict(dict)
    for each, own in known.items():
        by_examples[each.examples][each.batch_size] = fmean(own.values())
    compared = [by_examples[examples] for examples in sorted(by_examples)]
    last = next((own for own in reversed(compared) if len(own) > 1), None)
    if last is None:
        return None
    alike = [size for size, score in last.items() if score >= max(last.values()) - NOISE]
    return min(alike, key=lambda size: (abs(log2(size / USUAL.batch_size)), size))


def chosen(known: Scores) -> Schedule | None:
    """The shortest of the best batch size after which no method gains more than NOISE.

    Schedules whose mean over methods is lower than that of another by more than NOISE are out: at
    the rate that a method was given for a short training a long one may ruin it. None where batch
    sizes were not compared. Never of fewer steps than the usual one: a search that was cut short,
    or a method that has learned nothing yet, is no reason to train less.
    """
    own = _shortest(known)
    return own and replace(own, steps=max(own.steps, USUAL.steps))


def _shortest(known: Scores) -> Schedule | None:
    """What is chosen, of the schedules that were tried."""
    size = batch_size(known)
    means = {e: fmean(own.values()) for e, own in known.items() if e.batch_size == size}
    sound = [each for each, mean in means.items() if mean >= max(means.values()) - NOISE]
    kept = {each: known[each] for each in sorted(sound)}
    return next((each for each in kept if not _gains(each, kept)), None)


def _gains(after: Schedule, known: Scores) -> bool:
    """Whether a method scores better with more steps."""
    return any(
        known[other][method] > score + NOISE
        for other in longer(after, known)
        for method, score in known[after].items()
    )


def longer(than: Schedule, known: Scores) -> list[Schedule]:
    """What was tried of the same batch size and more steps."""
    return [e for e in known if e.batch_size == than.batch_size and e.steps > than.steps]


def beyond(known: Scores, most: int) -> Schedule | None:
    """Twice the steps of the shortest that gains no more where none longer was tried.

    None where that would be of more than `most` examples.
    """
    own = _shortest(known)
    if own is None or longer(own, known):
        return None
    twice = Schedule(2 * own.steps, own.batch_size)
    return twice if twice.examples <= most else None


def by_cell(rows: Iterable[Tried]) -> dict[Cell, list[Tried]]:
    """The lines of each cell."""
    found: dict[Cell, list[Tried]] = defaultdict(list)
    for row in rows:
        found[row.cell].append(row)
    return found
