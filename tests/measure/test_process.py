from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.measure import process
from harness.measure.live_tensors import LiveTensors

MIB = 1 << 20

linux = pytest.mark.skipif(
    process.high_water() is None, reason="the platform keeps no high-water mark"
)


def doubled(mebibytes: int) -> None:
    matrix = torch.ones(mebibytes * MIB // 4)
    matrix + matrix


@linux
def test_the_mark_rises_by_what_is_touched_and_falls_with_a_reset() -> None:
    assert process.reset_high_water()
    before = process.high_water()
    doubled(128)
    after = process.high_water()
    assert process.reset_high_water()
    reset = process.high_water()
    assert before is not None
    assert after is not None
    assert reset is not None
    assert after - before == pytest.approx(256 * MIB, rel=0.05)
    assert reset - before < 16 * MIB


@linux
def test_live_tensors_agree_with_the_mark_on_large_matrices() -> None:
    process.reset_high_water()
    before = process.high_water()
    doubled(128)
    after = process.high_water()
    with LiveTensors() as live:
        doubled(128)
    assert before is not None
    assert after is not None
    assert live.peak().total == 256 * MIB
    assert after - before == pytest.approx(live.peak().total, rel=0.05)


def test_a_platform_without_the_mark_gives_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "_STATUS", tmp_path / "status")
    monkeypatch.setattr(process, "_CLEAR", tmp_path / "missing" / "clear_refs")
    assert process.high_water() is None
    assert not process.reset_high_water()
    (tmp_path / "status").write_text("Name:\tpython\nVmRSS:\t 8 kB\n")
    assert process.high_water() is None
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t    2048 kB\n")
    assert process.high_water() == 2 * MIB
