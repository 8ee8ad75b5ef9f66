"""What is planned: a model, a method, a recipe and the shape of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from omegaconf import DictConfig
from pydantic import Field

from harness.checked import Checked, Count, from_plain
from harness.config import MethodConfig, ModelConfig, TrainConfig, budget_of
from harness.errors import ConfigError
from harness.sources import with_sources

# By the kind of a task, what its loss is of.
OBJECTIVES: dict[str, Any] = {
    "classification": "classification",
    "regression": "classification",  # into one class, as far as numbers and memory go
    "tokens": "tags",
    "generation": "answers",
}
SHAPE = (
    "seq_len", "objective", "classes", "answer_len", "padded", "device", "devices", "reserved",
)  # fmt: skip


@dataclass(frozen=True)
class Request(Checked):
    model: ModelConfig
    method: MethodConfig
    train: TrainConfig
    seq_len: Count
    """Tokens of every text; of an encoder-decoder, on both sides."""
    objective: Literal["language", "answers", "classification", "tags"] | None = None
    """What the training's loss is of: every next token, or those of an answer; a class, or one for
    each token. Null: the next token for what says one, else a class.
    """
    classes: Count = 2
    answer_len: Count = 1
    """Tokens of an answer; a decoder reads all but the last of them among `seq_len`."""
    padded: bool = True
    """Whether texts of a batch differ in length: attention then reads a mask."""
    device: Literal["cpu", "cuda"] = "cuda"
    """Whose optimizer steps are planned: on a GPU torch updates all parameters at once."""
    devices: Count = 1
    """Among which weights, gradients and the optimizer's state are cut; a batch is that of one."""
    budget: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The share of trained parameters to which the method's size is chosen."""
    reserved: bool = False
    """Whether all layers are traced for what torch's allocator on a GPU reserves, too."""
    sources: dict[str, MethodConfig] = field(default_factory=dict)
    """By task, the methods of the adapters that the method builds on."""

    def __post_init__(self) -> None:
        if self.answer_len > 1 and self.objective != "answers":
            raise ConfigError("answer_len", self.answer_len, "is of objective=answers")
        if self.reserved and self.device != "cuda":
            raise ConfigError("reserved", True, "is of a GPU's allocator: device=cuda")
        if self.reserved and self.devices > 1:
            raise ConfigError("reserved", True, "is known of one device alone: devices=1")


def request_of(cfg: DictConfig) -> Request:
    """The checked request of a composed config; raises ConfigError."""
    trial = with_sources(cfg)
    return from_plain(
        Request,
        {
            "model": trial.model,
            "method": trial.method,
            "train": trial.train,
            "sources": {source.task.name: source.method for source in trial.sources},
            "budget": budget_of(cfg),
            **{name: cfg[name] for name in SHAPE},
        },
    )
