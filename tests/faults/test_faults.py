"""Each fault a few times: nothing lost, nothing twice, and the end that was promised."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest

from tests.faults.catalogue import FAULTS

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the faults are those of Linux"),
]
BLOWS = {"sweep_killed": 2, "half_downloaded": 3}
# Like others but for the signal or its target, or tried without a sweep in the tests of the module
# that sees to it: `python -m tests.faults` tries them all.
FULL_ONLY = {
    "terminated", "hung_up", "interrupted", "interrupted_parent", "server_killed", "exhausted",
    "diverged_at_once", "diverged_at_last", "ignoring", "hanging_in_c",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(FAULTS) - FULL_ONLY))
def test_after_this_fault_every_trial_is_there_once(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    found = FAULTS[name].strike(folder, BLOWS.get(name, 1), Random(name))
    if found.skipped:
        pytest.skip(found.skipped)
    assert not (told := [*found.lost, *found.doubled, *found.wrong]), "\n".join(told)
    assert found.tried > 0 or name.endswith("_killed"), "it ended before the blow fell"
