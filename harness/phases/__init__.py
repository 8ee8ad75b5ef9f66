"""The phases of a trial, in their order; each runs in a fresh process of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.config import TrialConfig
from harness.measure_config import MeasureConfig


@dataclass(frozen=True)
class Phase:
    """`name` is also the module in this package, whose `run(bench)` gives groups of the record."""

    name: str
    alone: bool
    """Whether nothing else of ours runs on the device meanwhile; the others run side by side."""
    wanted: Callable[[MeasureConfig], bool] = lambda measure: True


PHASES = (
    Phase("plan", alone=False),
    Phase("train", alone=False),
    Phase("capacity", alone=False, wanted=lambda measure: measure.capacity is not None),
    Phase("merge", alone=False),
    Phase("forgetting", alone=False, wanted=lambda measure: measure.forgetting is not None),
    Phase("memory", alone=True),
    Phase("latency", alone=True),
    Phase("generation", alone=True, wanted=lambda measure: measure.new_tokens is not None),
    Phase("serving", alone=True, wanted=lambda measure: measure.serving is not None),
    Phase("speed", alone=True),
    Phase("energy", alone=True, wanted=lambda measure: measure.energy_seconds is not None),
)


def phases(trial: TrialConfig, alone: bool) -> tuple[Phase, ...]:
    """What a trial's config asks for: side by side with other trials, or alone on the device.

    Of a search nothing is measured.
    """
    if trial.stage == "search":
        return () if alone else (named("train"),)
    return tuple(p for p in PHASES if p.alone is alone and p.wanted(trial.measure))


def named(name: str) -> Phase:
    return next(phase for phase in PHASES if phase.name == name)
