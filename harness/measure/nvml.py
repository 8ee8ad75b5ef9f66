"""What NVIDIA's driver says of a GPU and who uses it; needs no torch and starts nothing there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pynvml


@dataclass(frozen=True)
class Users:
    """Processes that compute on a GPU, and the bytes that they hold there; None is not known."""

    processes: int
    bytes: int | None


def users(device: str) -> Users | None:
    """All who compute on the GPU of a uuid now; None without NVML, on a MIG slice, or of `cpu`."""
    running = None if device == "cpu" else _running(device)
    if running is None:
        return None
    held = [process.usedGpuMemory for process in running]
    return Users(len(held), None if None in held else sum(held))


def process_bytes(uuid: str) -> int | None:
    """Bytes that NVML counts for this process on the GPU, context and libraries included.

    It is what is held now; PyTorch's allocator keeps what it reserved, so that read right after
    a pass it is also the pass's highest. None without NVML, on a MIG slice, or where this
    process has another id to the driver (a container with ids of its own).
    """
    own = [each.usedGpuMemory for each in _running(uuid) or [] if each.pid == os.getpid()]
    return own[0] if own else None


def visible() -> str | None:
    """The names of the GPUs that CUDA shows to this process's children; None without NVML."""
    asked = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        pynvml.nvmlInit()
        try:
            if asked is None:
                asked = ",".join(map(str, range(pynvml.nvmlDeviceGetCount())))
            names = [pynvml.nvmlDeviceGetName(_handle(each.strip())) for each in asked.split(",")]
        finally:
            pynvml.nvmlShutdown()
    except (pynvml.NVMLError, ValueError):
        return None
    return ", ".join(dict.fromkeys(names)) or None


def _handle(asked: str) -> Any:
    """Of a GPU as CUDA_VISIBLE_DEVICES calls it: by its place, or by its uuid."""
    if asked.startswith(("GPU-", "MIG-")):
        return pynvml.nvmlDeviceGetHandleByUUID(asked)
    return pynvml.nvmlDeviceGetHandleByIndex(int(asked))


def _running(uuid: str) -> list[Any] | None:
    try:
        pynvml.nvmlInit()
        try:
            handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
            return list(pynvml.nvmlDeviceGetComputeRunningProcesses(handle))
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return None
