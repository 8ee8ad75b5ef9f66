"""Where and with what a trial ran."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parents[1]
_DISTRIBUTIONS = {
    "torch": "torch",
    "transformers": "transformers",
    "peft": "peft",
    "harness": "peft-harness",
}


def environment(gpu: str | None = None) -> dict[str, Any]:
    """The record's `environment`; `gpu` is the name of the one in use. Unknown is None.

    `load` is the machine's average of the last minute; `started` is now, in UTC.
    """
    return {
        "python": platform.python_version(),
        **{name: _version(distribution) for name, distribution in _DISTRIBUTIONS.items()},
        **_checkout(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": _cores(),
        "threads": _threads(),
        "load": round(os.getloadavg()[0], 2),
        "gpu": gpu,
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "started": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _version(distribution: str) -> str | None:
    # Asked of the metadata, since importing torch for it would take seconds.
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


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


def _cpu() -> str | None:
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or None


def _cores() -> int | None:
    """Cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _threads() -> int | None:
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if torch else None


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None
