"""The rules of a search for a learning rate: what is tried, for how long, and which rate wins.

Successive halving as in Jamieson & Talwalkar 2016 (arXiv 1502.07943), with runs that start anew in
every rung, since the learning rate's schedule belongs to the length of a run. One rung is a grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10, sqrt
from typing import Literal

from harness.config import TrainConfig
from harness.errors import ConfigError
from harness.search_config import SearchConfig

Scores = Mapping[float, float | None]
"""Validation by learning rate; None where training did not end well."""


@dataclass(frozen=True)
class Rung:
    """So many rates, each of them trained for so many steps."""

    rates: int
    steps: int


@dataclass(frozen=True)
class Budget:
    """What the search of one configuration takes at most."""

    rungs: tuple[Rung, ...]
    trials: int
    examples: int


def rates(search: SearchConfig, own: float) -> tuple[float, ...]:
    """The learning rates to try around a recipe's own, ascending, in three digits.

    Raises ConfigError where there are too many of them to differ in those.
    """
    step = (search.high / search.low) ** (1 / (search.trials - 1))
    found = [float(f"{own * search.low * step**n:.3g}") for n in range(search.trials)]
    if len(set(found)) < search.trials:
        between = f"{search.low:g} and {search.high:g}"
        expected = f"too many to differ in three digits between {between} times the recipe's rate"
        raise ConfigError("search.trials", search.trials, expected)
    return tuple(found)


def budget(search: SearchConfig, recipe: TrainConfig) -> Budget:
    """The rungs of a search, the last one as long as the recipe, or as the examples allow.

    Raises ConfigError where that leaves a trial without a single step.
    """
    counts = _counts(search)
    seeds, keep = len(search.seeds), search.keep or 1

    def at(last: int) -> Budget:
        """With so many steps in the last rung."""
        steps = [last // keep**further for further in reversed(range(len(counts)))]
        spent = sum(n * s for n, s in zip(counts, steps, strict=True)) * recipe.batch_size * seeds
        found = tuple(Rung(n, s) for n, s in zip(counts, steps, strict=True))
        return Budget(found, sum(counts) * seeds, spent)

    least = at(keep ** (len(counts) - 1))
    if recipe.steps < least.rungs[-1].steps:
        expected = f"too few for {len(counts)} rungs of a search, each {keep} times as long as the"
        expected += f" one before; at least {least.rungs[-1].steps}"
        raise ConfigError("train.steps", recipe.steps, expected)
    if search.examples is None:
        return at(recipe.steps)
    if search.examples < least.examples:
        expected = f"too few for one batch per trial; at least {least.examples}"
        raise ConfigError("search.examples", search.examples, expected)
    lengths = range(recipe.steps, 0, -1)
    return at(next(last for last in lengths if at(last).examples <= search.examples))


def _counts(search: SearchConfig) -> list[int]:
    """How many rates each rung has: a last one alone would have nothing to be compared with."""
    counts = [search.trials]
    while search.keep is not None and counts[-1] // search.keep >= 2:
        counts.append(counts[-1] // search.keep)
    return counts


def best_first(scores: Scores, grid: Sequence[float], higher_is_better: bool) -> list[float]:
    """The rates that ended well in a rung, best validation first.

    Of equals the one nearest to the middle of the grid comes first, then the lower.
    """
    middle = sqrt(min(grid) * max(grid))
    sign = -1 if higher_is_better else 1

    def key(rate: float) -> tuple[float, float, float]:
        return sign * (scores[rate] or 0.0), round(abs(log10(rate / middle)), 2), rate

    return sorted((rate for rate, score in scores.items() if score is not None), key=key)


def chosen(
    rungs: Sequence[Scores], grid: Sequence[float], higher_is_better: bool = True
) -> float | None:
    """The best rate of the longest rung; one that failed in any rung is out.

    None where no rate is left.
    """
    failed = {rate for scores in rungs for rate, score in scores.items() if score is None}
    for scores in reversed(rungs):
        sound = {rate: score for rate, score in scores.items() if rate not in failed}
        if sound:
            return best_first(sound, grid, higher_is_better)[0]
    return None


def edge(rate: float, grid: Sequence[float]) -> Literal["low", "high"] | None:
    """The end of the grid at which a rate lies: a better one may lie beyond."""
    if rate == min(grid):
        return "low"
    return "high" if rate == max(grid) else None
