"""Invented trials of searches for learning rates, and the final trials that came of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests import records

SEED = 1000
Rungs = Mapping[int, Mapping[float, float | None]]
"""Validation by steps and learning rate; None for a rate that diverged."""


def search(method: str, size: int | None, rungs: Rungs, seed: int = SEED) -> list[dict[str, Any]]:
    """The records of one configuration's search."""
    return [
        _trial(method, size, seed, steps, rate, validation)
        for steps, scores in rungs.items()
        for rate, validation in scores.items()
    ]


def final(
    method: str, size: int | None, rate: float, seeds: tuple[int, ...] = (0, 1, 2), **changes: Any
) -> list[dict[str, Any]]:
    """Ordinary trials at a rate, one per seed."""
    at = {"config__train__learning_rate": rate, "training__learning_rate": rate}
    return [records.record(method, size, seed, **at, **changes) for seed in seeds]


def _trial(
    method: str, size: int | None, seed: int, steps: int, rate: float, validation: float | None
) -> dict[str, Any]:
    setting = {"config__train__learning_rate": rate, "config__train__steps": steps}
    identity = {"method": method, "size": size, "seed": seed, "stage": "search", **setting}
    if validation is None:
        return records.failed("diverged", "the loss is nan at step 3", **identity)
    made = records.record(**identity, quality__validation=validation)
    made["quality"] |= dict.fromkeys(("value", "ci_low", "ci_high", "n", "majority"))
    made["training"] |= {"steps": steps, "learning_rate": rate, "examples": 16 * steps}
    return made | dict.fromkeys(("memory", "latency", "merge"))


def halving(centre: float, best: float, worst: float, peak: int = 4) -> Rungs:
    """Nine rates around a centre, then the best three with thrice the steps; the highest diverges.

    Validation falls by equal steps on both sides of the rate at place `peak`.
    """
    grid = [float(f"{centre * 10 ** ((n - 4) / 4):.3g}") for n in range(9)]
    fall = (best - 0.03 - worst) / max(peak, 8 - peak)
    short: dict[float, float | None] = {
        rate: best - 0.03 - fall * abs(n - peak) for n, rate in enumerate(grid)
    }
    if peak < 8:
        short[grid[8]] = None
    first = sorted((r for r in grid if short[r] is not None), key=lambda r: -(short[r] or 0.0))[:3]
    return {33: short, 100: {rate: (short[rate] or 0.0) + 0.03 for rate in first}}
