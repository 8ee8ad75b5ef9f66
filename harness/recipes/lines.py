"""Evidence as files: a line of a table for each checked dataclass."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from harness.checked import from_plain

T = TypeVar("T")


def read(kind: type[T], file: Path) -> list[T]:
    """The lines of a file; none where there is no file. Raises ConfigError."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return [
            from_plain(kind, {key: None if value == "" else value for key, value in row.items()})
            for row in csv.DictReader(lines)
        ]


def write(kind: type[Any], file: Path, rows: Iterable[Any]) -> None:
    """Write the lines in the order that they come in."""
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, [each.name for each in fields(kind)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(asdict, rows))
