"""Every fault by its name, and how often it is tried in full."""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults import assets, clocks, company, corruption, disks, ends, kills, stops
from tests.faults.round import Fault


@dataclass(frozen=True)
class Entry:
    strike: Fault
    times: int


FAULTS = {
    "sweep_killed": Entry(kills.sweep_killed, 50),
    "phase_killed": Entry(kills.phase_killed, 50),
    "server_killed": Entry(kills.server_killed, 10),
    "terminated": Entry(stops.TERMINATED, 8),
    "terminated_group": Entry(stops.TERMINATED_GROUP, 8),
    "hung_up": Entry(stops.HUNG_UP, 8),
    "interrupted": Entry(stops.INTERRUPTED, 8),
    "interrupted_parent": Entry(stops.INTERRUPTED_PARENT, 8),
    "interrupted_thrice": Entry(stops.INTERRUPTED_TWICE, 8),
    "exhausted": Entry(ends.EXHAUSTED, 3),
    "oom_killed": Entry(ends.oom_killed, 3),
    "diverged_at_once": Entry(ends.DIVERGED_AT_ONCE, 2),
    "diverged_at_last": Entry(ends.DIVERGED_AT_LAST, 2),
    "ignoring": Entry(ends.IGNORING, 2),
    "hanging_in_c": Entry(ends.HANGING_IN_C, 2),
    "disk_full": Entry(disks.disk_full, 10),
    "read_only": Entry(disks.read_only, 2),
    "damaged": Entry(corruption.damaged, 12),
    "half_downloaded": Entry(assets.half_downloaded, 10),
    "together": Entry(company.together, 5),
    "asleep": Entry(company.asleep, 6),
    "machine_gone": Entry(company.machine_gone, 3),
    "clock_jumps": Entry(clocks.clock_jumps, 4),
}
