"""The peft config of bottleneck adapters."""

from __future__ import annotations

from dataclasses import dataclass, field

from peft import PeftConfig

from harness.methods.peft_type import add_peft_type

NAME = "BOTTLENECK"
BOTTLENECK = add_peft_type(NAME)


@dataclass
class BottleneckConfig(PeftConfig):
    """Where the bottlenecks sit, and what they are.

    A bottleneck is placed by the kind of module it is put on: after a linear map (h + f(h)),
    around a norm (norm(z + f(norm(z)))), or after a whole layer (y + f(y)). A target that `reads`
    names gets it beside the sublayer that the target ends instead (h + f(x)).
    """

    target_modules: list[str] | None = field(
        default=None, metadata={"help": "Paths of the modules that get a bottleneck."}
    )
    reads: dict[str, str] = field(
        default_factory=dict,
        metadata={"help": "Per target that ends a sublayer, the module whose input is read."},
    )
    bottleneck_dim: int = field(default=16, metadata={"help": "Width between down and up."})
    hidden_size: int = field(default=0, metadata={"help": "Width of the model's token states."})
    non_linearity: str = field(
        default="relu", metadata={"help": "Name of an activation in transformers' ACT2FN."}
    )
    scaling: float = field(default=1.0, metadata={"help": "Factor on the bottleneck's output."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = BOTTLENECK
