"""What is measured of a trial, and how thoroughly: the dataclasses behind conf/measure/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from harness.checked import Checked, Count


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
    """Training steps that are timed for examples per second, twice each."""
    curve_points: Count
    """Times that the validation split is scored as a model is trained, the end among them."""
