"""Every fault by its name, and how often it is tried in full."""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults import kills
from tests.faults.round import Fault


@dataclass(frozen=True)
class Entry:
    strike: Fault
    times: int


FAULTS = {
    "sweep_killed": Entry(kills.sweep_killed, 50),
    "phase_killed": Entry(kills.phase_killed, 50),
    "server_killed": Entry(kills.server_killed, 10),
}
