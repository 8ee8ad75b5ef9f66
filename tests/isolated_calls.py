"""What the isolation tests run in processes of their own."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from harness.errors import ConfigError
from harness.isolation import Failure

calls = 0


def double(number: int) -> dict[str, Any]:
    return {"double": 2 * number}


def fail() -> dict[str, Any]:
    return {"never": 1 / 0}


def write_to_a_full_device() -> dict[str, Any]:
    """A library's error on the way, as in a phase that saves what it has."""
    try:
        Path("/dev/full").write_text("x")
    except OSError as error:
        raise RuntimeError("could not be saved") from error
    return {}


def safetensors_on_a_full_disk() -> dict[str, Any]:
    told = "Error while serializing: I/O error: No space left on device (os error 28)"
    raise SafetensorError(told)


def refuse() -> dict[str, Any]:
    raise ConfigError("size", 0, "must be larger")


def diverge() -> dict[str, Any]:
    raise Failure("diverged", "the loss is nan at step 7")


def exhaust_python() -> dict[str, Any]:
    return {"bytes": len(bytearray(2**62))}


def exhaust_torch() -> dict[str, Any]:
    import torch

    return {"bytes": torch.empty(2**60, dtype=torch.uint8).numel()}


def die(signal_number: int) -> dict[str, Any]:
    os.kill(os.getpid(), signal_number)
    time.sleep(60)
    return {}


def leave(code: int) -> dict[str, Any]:
    os._exit(code)


def hang() -> dict[str, Any]:
    time.sleep(600)
    return {}


def ignore_signals_and_hang() -> dict[str, Any]:
    for each in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(each, signal.SIG_IGN)
    time.sleep(600)
    return {}


def hang_in_c() -> dict[str, Any]:
    """Hold the interpreter's lock, so that no thread of Python's runs."""
    ctypes.PyDLL(None).sleep(600)
    return {}


def sleep(seconds: float) -> dict[str, Any]:
    time.sleep(seconds)
    return {}


def compute(seconds: float) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sum(range(1000))
    return {}


def speak() -> dict[str, Any]:
    print("from python")
    os.system("echo from the system")
    return {}


def describe() -> dict[str, Any]:
    import torch

    global calls
    calls += 1
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "calls": calls,
        "threads": torch.get_num_threads(),
    }


def leave_pid(path: str) -> dict[str, Any]:
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)
    return {}


def leave_pid_and_hang_in_c(path: str) -> dict[str, Any]:
    Path(path).write_text(str(os.getpid()))
    return hang_in_c()
