"""Where and with what a trial ran."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from harness import versions
from harness.measure import nvml
from harness.measure.machine import machine, read

_PACKAGE = Path(__file__).resolve().parents[1]
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def environment(gpu: str | None = None) -> dict[str, Any]:
    """The record's `environment`; `gpu` is the name of the one in use. Unknown is None.

    `load` is the machine's average of the last minute; `started` is now, in UTC.
    """
    return {
        "python": platform.python_version(),
        **versions.current(),
        **_checkout(),
        **machine(),
        "threads": _threads(),
        "load": round(os.getloadavg()[0], 2),
        "gpu": gpu,
        "governor": read(_GOVERNOR),
        "started": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def place(device: str) -> dict[str, Any]:
    """Where a phase on `device` runs that this process starts, as `harness.places` compares it.

    Needs no torch, and is found out once: a sweep asks for each phase of each trial.
    """
    return dict(_place(device == "cuda"))


@cache
def _place(on_gpu: bool) -> dict[str, Any]:
    gpu = nvml.visible() if on_gpu else None
    return {**machine(), "gpu": gpu, "python": platform.python_version(), **versions.current()}


def _checkout(package: Path = _PACKAGE) -> dict[str, str | bool | None]:
    """The commit that the package's files come from, and whether they were changed since."""
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        # Installed: a repository around the environment is somebody else's.
        return {"commit": None, "dirty": None}
    status = _git(package, "status", "--porcelain", "--", ".")
    return {
        "commit": _git(package, "rev-parse", "HEAD"),
        "dirty": None if status is None else status != "",
    }


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _threads() -> int | None:
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if torch else None
