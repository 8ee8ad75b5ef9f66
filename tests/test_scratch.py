"""What a sweep's phases share lives as long as the sweep, and never longer than the next one."""

from __future__ import annotations

import os

from filelock import SoftFileLease

from harness.lease import LEASE
from harness.scratch import FOLDER, scratch


def test_folder_of_a_sweep_is_its_own_and_goes_with_it(tmp_path):
    with scratch(tmp_path, 60) as one, scratch(tmp_path, 60) as other:
        assert one != other
        (one / "x").write_text("kept while another begins and ends")
        with scratch(tmp_path, 60):
            assert (one / "x").exists()
    assert os.listdir(tmp_path) == []


def test_what_a_dead_sweep_left_is_removed(tmp_path):
    left = tmp_path / FOLDER / "0123"
    left.mkdir(parents=True)
    (left / "data").write_text("x")
    live = tmp_path / FOLDER / "4567"
    live.mkdir()
    with SoftFileLease(live / LEASE, lease_duration=60.0), scratch(tmp_path, 60):
        assert not left.exists()
        assert live.exists()
