"""What is planned: a model, a method, a recipe and the shape of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from harness.checked import Checked, Count
from harness.config import MethodConfig, ModelConfig, TrainConfig


@dataclass(frozen=True)
class Request(Checked):
    model: ModelConfig
    method: MethodConfig
    train: TrainConfig
    seq_len: Count
    """Tokens of every text; of an encoder-decoder, on both sides."""
    objective: Literal["language", "classification"] | None = None
    """What the training's loss is of; null: the next token for what generates, else a class."""
    classes: Count = 2
    padded: bool = True
    """Whether texts of a batch differ in length: attention then reads a mask."""
    device: Literal["cpu", "cuda"] = "cuda"
    """Whose optimizer steps are planned: on a GPU torch updates all parameters at once."""
    sources: dict[str, MethodConfig] = field(default_factory=dict)
    """By task, the methods of the adapters that the method builds on."""
