"""What is measured of a trial, and how thoroughly: the dataclasses behind conf/measure/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from harness.assets.source import Source
from harness.checked import Checked, Count
from harness.errors import ConfigError

TEXT_SOURCE = "measure.forgetting.text.source"
"""The place of the plain text in a config, for messages."""


@dataclass(frozen=True)
class TextConfig(Checked):
    """Plain text that no label belongs to: one file, or the files of a folder."""

    source: Source
    files: str = "**/*.txt"
    """Pattern of the files in a folder."""
    encoding: str = "utf-8"


@dataclass(frozen=True)
class ForgettingConfig(Checked):
    """How much plain text the loss is taken on, before training and after it."""

    text: TextConfig
    passages: Annotated[int, Field(ge=8)]
    """At most so many; half of them are for fitting where the model has no head of its own."""
    tokens: Annotated[int, Field(ge=8)]
    """Of a passage, special ones counted."""


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
class ServingConfig(Checked):
    adapters: Annotated[tuple[Count, ...], Field(min_length=1)]
    """How many adapters of a method one base is served with; memory and switches of each count."""
    batch_size: Count
    """Requests of a batch, each for another adapter as far as there are so many."""
    seconds: Annotated[float, Field(ge=0)]
    """As latency_seconds and latency_rounds."""
    rounds: Count


@dataclass(frozen=True)
class MeasureConfig(Checked):
    batch_sizes: Annotated[tuple[Count, ...], Field(min_length=1)]
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
    forgetting: ForgettingConfig | None
    capacity: CapacityConfig | None
    """Null: not measured."""
    energy_seconds: Annotated[float, Field(gt=0)] | None
    """Of each loop over which energy is counted, where the machine has a counter."""
    serving: ServingConfig | None
    """Several adapters on one base; null: not measured."""
    new_tokens: Annotated[int, Field(ge=2)] | None
    """Tokens that a decoder says after a timed prompt; null: generation is not timed."""

    def __post_init__(self) -> None:
        if len(set(self.batch_sizes)) < len(self.batch_sizes):
            raise ConfigError("batch_sizes", list(self.batch_sizes), "names a size twice")
