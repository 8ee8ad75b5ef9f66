from __future__ import annotations

import os
from types import SimpleNamespace

import pynvml
import pytest
import torch

from harness.measure import process
from harness.measure.device import Cpu, Cuda, Peaks, device_for, nvml_process_bytes


def test_a_cpu_tells_the_process_mark_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "reset_high_water", lambda: True)
    monkeypatch.setattr(process, "high_water", lambda: 123)
    cpu = Cpu()
    cpu.reset_peaks()
    assert cpu.peaks() == Peaks(None, None, 123)


def test_a_mark_that_could_not_be_reset_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "reset_high_water", lambda: False)
    cpu = Cpu()
    assert cpu.peaks().process is None
    cpu.reset_peaks()
    assert cpu.peaks().process is None


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A CUDA runtime that writes down what it is asked, in order."""
    diary: list[str] = []
    for name, answer in {
        "synchronize": None,
        "empty_cache": None,
        "reset_peak_memory_stats": None,
        "max_memory_allocated": 100,
        "max_memory_reserved": 200,
        "get_device_properties": SimpleNamespace(name="NVIDIA Test", uuid="1234-5678"),
    }.items():

        def call(*_: object, name: str = name, answer: object = answer) -> object:
            diary.append(name)
            return answer

        monkeypatch.setattr(torch.cuda, name, call)
    return diary


def nvml_with(monkeypatch: pytest.MonkeyPatch, running: list[SimpleNamespace]) -> list[str]:
    uuids: list[str] = []
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByUUID", uuids.append)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetComputeRunningProcesses", lambda _: running)
    return uuids


def test_cuda_empties_resets_and_waits_before_a_pass_and_waits_after_it(
    cuda: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = SimpleNamespace(pid=os.getpid(), usedGpuMemory=300)
    uuids = nvml_with(monkeypatch, [SimpleNamespace(pid=-1, usedGpuMemory=999), own])
    device = Cuda(1)
    assert (device.name, device.gpu) == ("cuda:1", "NVIDIA Test")
    cuda.clear()
    device.reset_peaks()
    assert cuda == ["empty_cache", "reset_peak_memory_stats", "synchronize"]
    cuda.clear()
    assert device.peaks() == Peaks(allocated=100, reserved=200, process=300)
    assert cuda[0] == "synchronize"
    assert uuids == ["GPU-1234-5678"]


def test_nvml_that_does_not_know_this_process_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml_with(monkeypatch, [SimpleNamespace(pid=-1, usedGpuMemory=999)])
    assert nvml_process_bytes("1234") is None
    nvml_with(monkeypatch, [SimpleNamespace(pid=os.getpid(), usedGpuMemory=None)])
    assert nvml_process_bytes("1234") is None


@pytest.mark.parametrize("failing", ["nvmlInit", "nvmlDeviceGetHandleByUUID"])
def test_nvml_that_is_absent_or_meets_a_slice_gives_none(
    monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_: object) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)

    nvml_with(monkeypatch, [])
    monkeypatch.setattr(pynvml, failing, fail)
    assert nvml_process_bytes("1234") is None


def test_a_device_is_found_by_the_name_that_torch_gives_it(cuda: list[str]) -> None:
    assert device_for("cpu").name == "cpu"
    assert device_for("cuda").name == "cuda:0"
    assert device_for("cuda:1").name == "cuda:1"
    with pytest.raises(ValueError, match="expected cpu or cuda"):
        device_for("meta")
