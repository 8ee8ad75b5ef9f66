from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pynvml
import pytest

from harness.measure.nvml import Users, process_bytes, users, visible


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


@pytest.fixture
def cards(driver: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two cards of one kind and one of another."""
    names = {0: "A100", 1: "A100", 2: "T4", "GPU-2": "T4", "MIG-0": "A100 MIG 1g.5gb"}

    def by_index(index: int) -> int:
        if index > 2:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_INVALID_ARGUMENT)
        return index

    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 3)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", by_index)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByUUID", lambda uuid: uuid)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetName", names.__getitem__)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, "A100, T4"),
        ("1", "A100"),
        ("2, 0", "T4, A100"),
        ("GPU-2", "T4"),
        ("MIG-0", "A100 MIG 1g.5gb"),
        ("7", None),
        ("", None),
        ("none", None),
    ],
)
def test_the_gpus_that_cuda_shows_are_named_once_each(
    cards: None, monkeypatch: pytest.MonkeyPatch, asked: str | None, expected: str | None
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if asked is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", asked)
    assert visible() == expected


def test_without_a_driver_no_gpu_is_named(cards: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", fail)
    assert visible() is None
