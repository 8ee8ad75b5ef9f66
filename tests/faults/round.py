"""What some blows of a fault came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random


@dataclass
class Round:
    tried: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Endings that are not as promised."""
    endings: dict[str, int] = field(default_factory=dict)
    """How often it ended in which way."""
    skipped: str | None = None
    """Why this machine cannot try it."""

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.wrong.append(otherwise)

    def add(self, other: Round) -> None:
        self.tried += other.tried
        self.lost += other.lost
        self.doubled += other.doubled
        self.wrong += other.wrong
        self.endings = dict(Counter(self.endings) + Counter(other.endings))
        self.skipped = self.skipped or other.skipped


Fault = Callable[[Path, int, Random], Round]
"""Strike up to so many blows in a fresh folder."""
