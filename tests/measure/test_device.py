from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from harness.measure import nvml, process
from harness.measure.device import Cpu, Cuda, Peaks, device_for


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
        "memory_stats": {"num_alloc_retries": 5},
        "get_device_properties": SimpleNamespace(name="NVIDIA Test", uuid="1234-5678"),
    }.items():

        def call(*_: object, name: str = name, answer: object = answer) -> object:
            diary.append(name)
            return answer

        monkeypatch.setattr(torch.cuda, name, call)
    return diary


def test_cuda_empties_resets_and_waits_before_a_pass_and_waits_after_it(
    cuda: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {"GPU-1234-5678": 300}
    monkeypatch.setattr(nvml, "process_bytes", held.get)
    device = Cuda(1)
    assert (device.name, device.gpu, device.identity) == (
        "cuda:1",
        "NVIDIA Test",
        "GPU-1234-5678",
    )
    cuda.clear()
    device.reset_peaks()
    assert cuda == ["empty_cache", "reset_peak_memory_stats", "memory_stats", "synchronize"]
    cuda.clear()
    assert device.peaks() == Peaks(allocated=100, reserved=200, process=300, alloc_retries=0)
    assert cuda[0] == "synchronize"


def test_cuda_tells_the_retries_since_the_reset_only(
    cuda: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # torch counts from the start of the process; before the first of them it has no such key.
    two = {"num_alloc_retries": 2}
    counts = iter([{}, two, two, two])
    monkeypatch.setattr(torch.cuda, "memory_stats", lambda device: next(counts))
    monkeypatch.setattr(nvml, "process_bytes", lambda uuid: None)
    device = Cuda()
    for expected in (2, 0):
        device.reset_peaks()
        assert device.peaks().alloc_retries == expected


def test_a_device_is_found_by_the_name_that_torch_gives_it(cuda: list[str]) -> None:
    assert device_for("cpu").name == device_for("cpu").identity == "cpu"
    assert device_for("cuda").name == "cuda:0"
    assert device_for("cuda:1").name == "cuda:1"
    with pytest.raises(ValueError, match="expected cpu or cuda"):
        device_for("meta")
