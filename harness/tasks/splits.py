"""Which examples train, validate and test: decided by what they say, never by where they stand."""

from __future__ import annotations

import hashlib
from typing import Literal

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def split_of(group: str, validation: float, test: float) -> Split:
    """The split of a group, so that the splits hold about their shares of all groups.

    The hash of a group alone decides: rows may come in any order, data may grow, and what was a
    test example never becomes a training one. The test split does not depend on the share of the
    validation split.
    """
    position = int(text_hash(f"split\0{group}")[:13], 16) / 16**13
    if position < test:
        return "test"
    return "validation" if position < test + validation else "train"


def text_hash(text: str) -> str:
    """The sha256 of a text, as 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
