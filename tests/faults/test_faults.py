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
# Like others but for the signal or its target: those are for `python -m tests.faults`.
FULL_ONLY = {"terminated", "hung_up", "interrupted_parent", "diverged_at_once", "ignoring"}


@pytest.mark.parametrize("name", sorted(set(FAULTS) - FULL_ONLY))
def test_after_this_fault_every_trial_is_there_once(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    found = FAULTS[name].strike(folder, BLOWS.get(name, 1), Random(name))
    if found.skipped:
        pytest.skip(found.skipped)
    assert not (told := [*found.lost, *found.doubled, *found.wrong]), "\n".join(told)
    assert found.tried > 0 or name.endswith("_killed"), "it ended before the blow fell"
