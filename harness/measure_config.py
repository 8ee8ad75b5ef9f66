"""What is measured of a trial, and how thoroughly: the dataclasses behind conf/measure/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from harness.checked import Checked, Count


@dataclass(frozen=True)
class ServingConfig(Checked):
    adapters: tuple[Count, ...]
    """How many adapters of a method one base is served with; memory and switches of each count."""
    batch_size: Count
    """Requests of a batch, each for another adapter as far as there are so many."""
    seconds: Annotated[float, Field(ge=0)]
    """As latency_seconds and latency_rounds."""
    rounds: Count


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
    serving: ServingConfig | None
    """Several adapters on one base; null: not measured."""
    new_tokens: Annotated[int, Field(ge=2)] | None
    """Tokens that a decoder says after a timed prompt; null: generation is not timed."""
