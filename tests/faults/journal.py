"""Which phases have begun, written down outside of the results, and orders to phases to come."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

ORDERS = "orders.json"
"""Beside the journal, so that a trial keeps its id when its orders are taken away."""


@dataclass(frozen=True)
class Begin:
    """A phase that began: a line of the journal."""

    trial: str
    phase: str
    pid: int
    had_ended: bool
    """Its part, or a record that ended well, lay there already."""


@dataclass(frozen=True)
class Order:
    """What one phase of the trial with one seed is to do as it begins."""

    phase: str
    seed: int
    act: str
    step: int = 1
    """The step of training whose gradient is spoilt, for the act of this name."""


def append(journal: Path, begin: Begin) -> None:
    handle = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(handle, (json.dumps(asdict(begin)) + "\n").encode())  # one call: whole or absent
    os.close(handle)


def read(journal: Path) -> list[Begin]:
    if not journal.exists():
        return []
    return [Begin(**json.loads(line)) for line in journal.read_text().splitlines()]


def give(journal: Path, orders: tuple[Order, ...]) -> None:
    """These orders, and no others, from now on."""
    journal.with_name(ORDERS).write_text(json.dumps([asdict(order) for order in orders]))


def given(journal: Path) -> list[Order]:
    path = journal.with_name(ORDERS)
    return [Order(**each) for each in json.loads(path.read_text())] if path.exists() else []
