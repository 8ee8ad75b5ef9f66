"""Names of this project's methods in peft's enumeration of types."""

from __future__ import annotations

from peft.utils import PeftType


def add_peft_type(name: str) -> PeftType:
    """Make `name` a member of peft's enumeration of types.

    peft registers methods of others only under a member of this enumeration, which Python does
    not let anyone extend by declaration.
    """
    if name in PeftType.__members__:
        return PeftType[name]
    member = str.__new__(PeftType, name)
    member._name_ = member._value_ = name
    setattr(PeftType, name, member)
    PeftType._member_map_[name] = member
    PeftType._value2member_map_[name] = member
    PeftType._member_names_.append(name)
    return member
