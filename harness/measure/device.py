"""What measuring needs to know of the device that computes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

import pynvml
import torch

from harness.measure import process


@dataclass(frozen=True)
class Peaks:
    """Bytes at their highest since the last reset; None where the device does not tell."""

    allocated: int | None
    reserved: int | None
    process: int | None


class Device(Protocol):
    """A device that can be waited for and asked for its memory."""

    name: str
    gpu: str | None
    uuid: str | None
    """Of the GPU, as NVML knows it."""
    source: str
    """What tells the allocated bytes, in words for the record."""

    def synchronize(self) -> None: ...

    def reset_peaks(self) -> None: ...

    def peaks(self) -> Peaks: ...


class Cpu:
    """The host. No allocator keeps count there: live tensors are counted in a pass of their own."""

    name = "cpu"
    gpu: str | None = None
    uuid: str | None = None
    source = "cpu live tensors"

    def __init__(self) -> None:
        self._resets = False

    def synchronize(self) -> None:
        """Nothing is queued on a CPU."""

    def reset_peaks(self) -> None:
        self._resets = process.reset_high_water()

    def peaks(self) -> Peaks:
        # A mark that cannot be reset would tell of an earlier phase.
        return Peaks(None, None, process.high_water() if self._resets else None)


class Cuda:
    """One NVIDIA GPU, by its index among the visible ones."""

    source = "cuda allocator"

    def __init__(self, index: int = 0) -> None:
        self._device = torch.device("cuda", index)
        self.name = str(self._device)
        properties = torch.cuda.get_device_properties(self._device)
        self.gpu: str | None = properties.name
        self.uuid: str | None = str(properties.uuid)

    def synchronize(self) -> None:
        torch.cuda.synchronize(self._device)

    def reset_peaks(self) -> None:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self._device)
        self.synchronize()

    def peaks(self) -> Peaks:
        self.synchronize()
        return Peaks(
            torch.cuda.max_memory_allocated(self._device),
            torch.cuda.max_memory_reserved(self._device),
            nvml_process_bytes(str(self.uuid)),
        )


def device_for(name: str) -> Device:
    """The device of a torch name: cpu, cuda or cuda:1."""
    device = torch.device(name)
    if device.type == "cpu":
        return Cpu()
    if device.type == "cuda":
        return Cuda(device.index or 0)
    raise ValueError(f"{name}: expected cpu or cuda")


def nvml_process_bytes(uuid: str) -> int | None:
    """Bytes that NVML counts for this process on the GPU, context and libraries included.

    It is what is held now; PyTorch's allocator keeps what it reserved, so that read right after
    a pass it is also the pass's highest. None without NVML, on a MIG slice, or where this
    process has another id to the driver (a container with ids of its own).
    """
    try:
        pynvml.nvmlInit()
        try:
            handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
            running = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return None
    own = [process.usedGpuMemory for process in running if process.pid == os.getpid()]
    return own[0] if own else None
