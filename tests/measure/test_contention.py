from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.measure.contention import (
    BUSY_ABOVE,
    Contention,
    Snapshot,
    any_busy,
    between,
    seconds,
    snapshot,
)

# user nice system idle iowait irq softirq steal guest guest_nice; ticks of which 100 are a second
STAT = """cpu  1500 20 300 90000 44 5 6 70 400 0
cpu0 1000 10 200 40000 40 3 4 30 400 0
cpu1 500 10 100 50000 4 2 2 40 0 0
cpu10 9999 9999 9999 9999 9999 9999 9999 9999 0 0
intr 15368129 0 0
ctxt 7
"""


def test_work_and_theft_are_summed_over_the_cores_of_the_process() -> None:
    # Waiting is no work, and what a guest ran is within `user` already.
    assert seconds(STAT, [0], 100) == pytest.approx((12.17, 0.3))
    assert seconds(STAT, [0, 1], 100) == pytest.approx((18.31, 0.7))
    assert seconds(STAT, [0, 1], 1000) == pytest.approx((1.831, 0.07))


def test_what_this_process_did_is_not_of_others() -> None:
    before = Snapshot(clock=10.0, own=3.0, worked=100.0, stolen=1.0, load=0.5)
    after = Snapshot(clock=20.0, own=15.0, worked=117.0, stolen=1.5, load=1.8)
    found = between(before, after)
    # 17 s of work on the cores in 10 s, 12 of them here
    assert found == Contention(load=0.5, other_cores=0.5, stolen_cores=0.05)


def test_counting_in_ticks_does_not_give_less_than_nobody() -> None:
    before = Snapshot(clock=0.0, own=0.0, worked=0.0, stolen=0.0, load=0.0)
    after = Snapshot(clock=1.0, own=1.996, worked=1.99, stolen=0.0, load=0.0)
    assert between(before, after).other_cores == 0


def test_a_platform_without_counters_gives_none(tmp_path: Path) -> None:
    found = between(snapshot(tmp_path / "stat"), snapshot(tmp_path / "stat"))
    assert (found.other_cores, found.stolen_cores, found.busy) == (None, None, None)
    assert found.load >= 0


@pytest.mark.parametrize(
    ("others", "stolen", "busy"),
    [(0.0, 0.0, False), (BUSY_ABOVE, 0.0, False), (0.11, 0.0, True), (0.06, 0.06, True)],
)
def test_a_machine_is_busy_from_a_tenth_of_a_core(others: float, stolen: float, busy: bool) -> None:
    assert Contention(0.0, others, stolen).busy is busy


def test_a_trial_is_busy_if_any_of_its_phases_was() -> None:
    shared, unknown = {"busy": None}, {"seconds": 3.0}
    assert any_busy([shared, {"busy": False}, {"busy": True}]) is True
    assert any_busy([shared, {"busy": False}, unknown]) is False
    assert any_busy([shared, unknown]) is None


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="the platform keeps no such counters")
def test_another_process_at_work_is_seen_and_the_own_is_not() -> None:
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        before = snapshot()
        until = time.monotonic() + 2.0
        while time.monotonic() < until:
            pass
        found = between(before, snapshot())
    finally:
        other.kill()
        other.wait()
    assert found.other_cores is not None
    assert found.other_cores > 0.2
    assert found.busy
    # Whatever else runs here, others cannot use the share of a core that this process had.
    assert found.other_cores < len(os.sched_getaffinity(0)) - 0.1


def test_a_phase_of_a_few_ticks_tells_nothing_of_others() -> None:
    before = Snapshot(clock=0.0, own=0.0, worked=0.0, stolen=0.0, load=0.0)
    after = Snapshot(clock=0.04, own=0.0, worked=0.05, stolen=0.0, load=0.0)
    found = between(before, after)
    assert (found.other_cores, found.stolen_cores, found.busy) == (None, None, None)
