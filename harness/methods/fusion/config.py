"""The peft config of AdapterFusion."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from peft import PeftConfig

from harness.methods.peft_type import add_peft_type

NAME = "ADAPTER_FUSION"
ADAPTER_FUSION = add_peft_type(NAME)


@dataclass
class FusionConfig(PeftConfig):
    """Which bottlenecks are fused, and on which modules all of them sit."""

    target_modules: list[str] | None = field(
        default=None, metadata={"help": "Paths of the modules that carry the bottlenecks."}
    )
    hidden_size: int = field(default=0, metadata={"help": "Width of the model's token states."})
    bottlenecks: list[dict[str, Any]] = field(
        default_factory=list,
        metadata={"help": "Per adapter: name, bottleneck_dim, non_linearity and scaling."},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = ADAPTER_FUSION
