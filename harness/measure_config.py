"""What is measured of a trial, and how thoroughly: the dataclasses behind conf/measure/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from harness.checked import Checked, Count


@dataclass(frozen=True)
class CapacityConfig(Checked):
    """The random labels that are fitted, and the budget of the fit: the same for every method."""

    sequences: Count
    tokens: Count
    """Of each sequence; every one has a label."""
    classes: Annotated[int, Field(ge=2)]
    """A label carries log2 of it in bits."""
    steps: Count
    batch_size: Count
    """Sequences of a step."""
    rates: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]
    """Multiples of the recipe's learning rate that are tried; the best is kept."""


@dataclass(frozen=True)
class MeasureConfig(Checked):
    batch_sizes: tuple[Count, ...]
    """Requests timed together: the first shape is the one reported first."""
    sequence_length: Count
    """Tokens of a timed request, prompts not counted."""
    latency_seconds: Annotated[float, Field(ge=0)]
    """Timing goes on until so many seconds and so many rounds are both behind it."""
    latency_rounds: Count
    warmups: Count
    speed_steps: Count
    """Training steps that are timed for examples per second."""
    capacity: CapacityConfig | None
    """Null: not measured."""
