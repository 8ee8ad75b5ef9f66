"""Studies of invented records in which it is known what is true."""

from __future__ import annotations

from typing import Any

from harness.analysis.evidence import Evidence
from harness.analysis.study import Study, studies
from tests import records

SEEDS = (0, 1, 2)
HALF = 0.002
"""Of the interval of a quality: 0.2 points."""


def studied(*groups: list[dict]) -> tuple[Study, ...]:
    """The studies of some records, with their configs and without outcomes per example."""
    made = [record for group in groups for record in group]
    beside = {row["trial"]: Evidence(None, given_config=row["config"]) for row in made}
    return studies(records.frame(made), beside)


def study(*groups: list[dict]) -> Study:
    (only,) = studied(*groups)
    return only


def scored(
    method: str,
    quality: float,
    size: int | None = 8,
    seeds: tuple[int, ...] = SEEDS,
    half: float = HALF,
    **changes: Any,
) -> list[dict]:
    """The same quality for every seed, so that its interval is the seeds' own."""
    return [
        records.record(
            method, size, seed,
            quality__value=quality, quality__ci_low=quality - half,
            quality__ci_high=quality + half, quality__validation=quality, **changes,
        )
        for seed in seeds
    ]  # fmt: skip


def timed(
    method: str,
    unmerged: tuple[float, float] = (1.0, 1.0),
    merged: tuple[float, float] | None = None,
    **identity: Any,
) -> list[dict]:
    """One trial whose ratios to the base have these 95% bounds."""
    return [
        records.record(
            method,
            latency__unmerged_over_base=bounded(unmerged),
            latency__merged_over_base=merged and bounded(merged),
            **identity,
        )
    ]


def bounded(ends: tuple[float, float]) -> dict[str, float]:
    return {"value": sum(ends) / 2, "ci_low": ends[0], "ci_high": ends[1]}


def stepped(method: str, ms: tuple[float, ...], size: int | None = 8, **changes: Any) -> list[dict]:
    """A trial per seed whose training steps take so long."""
    return [
        records.record(
            method, size, seed, training__seconds_per_step={"median_ms": value}, **changes
        )
        for seed, value in enumerate(ms)
    ]
