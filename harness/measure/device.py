"""What measuring needs to know of the device that computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from harness.measure import nvml, process


@dataclass(frozen=True)
class Peaks:
    """Bytes at their highest since the last reset; None where the device does not tell."""

    allocated: int | None
    reserved: int | None
    process: int | None
    alloc_retries: int | None = None
    """Times that the allocator had to empty its cache and try again: a pass that nearly failed."""


class Device(Protocol):
    """A device that can be waited for and asked for its memory."""

    name: str
    identity: str
    """What every process of the machine calls it: cpu, or the uuid of a GPU."""
    gpu: str | None
    source: str
    """What tells the allocated bytes, in words for the record."""

    def synchronize(self) -> None: ...

    def reset_peaks(self) -> None: ...

    def peaks(self) -> Peaks: ...


class Cpu:
    """The host. No allocator keeps count there: live tensors are counted in a pass of their own."""

    name = identity = "cpu"
    gpu: str | None = None
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
        self.identity = f"GPU-{properties.uuid}"
        self._retries = 0

    def synchronize(self) -> None:
        torch.cuda.synchronize(self._device)

    def reset_peaks(self) -> None:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self._device)
        self._retries = self._all_retries()
        self.synchronize()

    def peaks(self) -> Peaks:
        self.synchronize()
        return Peaks(
            torch.cuda.max_memory_allocated(self._device),
            torch.cuda.max_memory_reserved(self._device),
            nvml.process_bytes(self.identity),
            self._all_retries() - self._retries,
        )

    def _all_retries(self) -> int:
        """Since the process began: the reset of the peaks leaves this count alone."""
        return int(torch.cuda.memory_stats(self._device).get("num_alloc_retries", 0))


def device_for(name: str) -> Device:
    """The device of a torch name: cpu, cuda or cuda:1."""
    device = torch.device(name)
    if device.type == "cpu":
        return Cpu()
    if device.type == "cuda":
        return Cuda(device.index or 0)
    raise ValueError(f"{name}: expected cpu or cuda")
