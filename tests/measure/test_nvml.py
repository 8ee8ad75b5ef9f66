from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pynvml
import pytest

from harness.measure.nvml import Users, process_bytes, users


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A driver whose running processes are (pid, bytes), with the uuids that it was asked for."""
    found = SimpleNamespace(running=[], uuids=[])

    def processes(_: object) -> list[SimpleNamespace]:
        return [SimpleNamespace(pid=pid, usedGpuMemory=held) for pid, held in found.running]

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByUUID", found.uuids.append)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetComputeRunningProcesses", processes)
    return found


def test_the_bytes_of_this_process_are_found_among_all(driver: SimpleNamespace) -> None:
    driver.running = [(-1, 999), (os.getpid(), 300)]
    assert process_bytes("GPU-1") == 300
    assert driver.uuids == ["GPU-1"]


@pytest.mark.parametrize("running", [[], [(-1, 999)], [(os.getpid(), None)]])
def test_a_process_that_the_driver_does_not_know_has_no_bytes(
    driver: SimpleNamespace, running: list[tuple[int, int | None]]
) -> None:
    driver.running = running
    assert process_bytes("GPU-1") is None


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        ([], Users(0, 0)),
        ([(7, 100), (8, 50)], Users(2, 150)),
        ([(7, 100), (8, None)], Users(2, None)),
    ],
)
def test_users_are_counted_with_what_they_hold(
    driver: SimpleNamespace, running: list[tuple[int, int | None]], expected: Users
) -> None:
    driver.running = running
    assert users("GPU-1") == expected


@pytest.mark.parametrize("failing", ["nvmlInit", "nvmlDeviceGetHandleByUUID"])
def test_a_driver_that_is_absent_or_has_no_such_gpu_gives_none(
    driver: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_: object) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)

    monkeypatch.setattr(pynvml, failing, fail)
    assert process_bytes("GPU-1") is None
    assert users("cpu") is None


def test_a_sweep_asks_without_importing_torch() -> None:
    code = "import sys, harness.measure.nvml, harness.sweep; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
