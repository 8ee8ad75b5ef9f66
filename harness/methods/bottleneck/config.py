"""The peft config of bottleneck adapters."""

from __future__ import annotations

from dataclasses import dataclass, field

from peft import PeftConfig
from peft.utils import PeftType

NAME = "BOTTLENECK"


def _add_peft_type() -> PeftType:
    """Make the method's name a member of peft's enumeration of types.

    peft registers methods of others only under a member of this enumeration, which Python does
    not let anyone extend by declaration.
    """
    if NAME in PeftType.__members__:
        return PeftType[NAME]
    member = str.__new__(PeftType, NAME)
    member._name_ = member._value_ = NAME
    setattr(PeftType, NAME, member)
    PeftType._member_map_[NAME] = member
    PeftType._value2member_map_[NAME] = member
    PeftType._member_names_.append(NAME)
    return member


BOTTLENECK = _add_peft_type()


@dataclass
class BottleneckConfig(PeftConfig):
    """Where the bottlenecks sit, and what they are.

    A bottleneck is placed by the kind of module it is put on: after a linear map (h + f(h)),
    around a norm (norm(z + f(norm(z)))), or after a whole layer (y + f(y)).
    """

    target_modules: list[str] | None = field(
        default=None, metadata={"help": "Paths of the modules that get a bottleneck."}
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
