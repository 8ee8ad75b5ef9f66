"""What can go wrong at the door."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class HarnessError(Exception):
    """An error that is told to the user in one line, without a traceback."""

    def __str__(self) -> str:
        return in_one_line(super().__str__())


class ConfigError(HarnessError, ValueError):
    """An input that contradicts itself or its surroundings.

    The message names the field, the value found there and what would be right.
    """

    def __init__(self, field: str, value: object, expected: str) -> None:
        self.field, self.value, self.expected = field, value, expected
        super().__init__(field, value, expected)

    def __str__(self) -> str:
        return in_one_line(f"{self.field}={self.value}: {self.expected}")


class Unreadable(UserWarning):
    """A file of the results that is corrupt, and what became of it."""


class AssetError(HarnessError):
    """Weights or data that cannot be had: no network, a wrong checksum, a missing file."""


def in_one_line(text: str) -> str:
    """What would end a line, or steer a terminal, is told by its escape."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def told(error: Exception) -> str:
    """The kind of an error and the first line of what it says, for errors of libraries."""
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def nearest(name: str, known: Iterable[str]) -> str:
    """A clause that lists what is known, nearest names first."""
    known = sorted(known)
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"one of {', '.join(known)}"
