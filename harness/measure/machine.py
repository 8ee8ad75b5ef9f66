"""Which machine this is: what tells it from others, and the parts that a time depends on."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path
from typing import Any

MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def machine() -> dict[str, Any]:
    """`machine`, a short id, and its `platform`, `cpu` and `cores`; unknown is None."""
    return {
        "machine": _id(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": _cores(),
    }


def read(path: Path) -> str | None:
    """What the system says in a small file, if there is one."""
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _id() -> str:
    """The same after each start of the machine, and for a container as long as its name lasts.

    A hash, since records are shared and names of hosts are often those of people. Nodes of a
    cluster may share one machine-id, so that the name is part of it; where there is no such id, the
    hash would confirm a name to someone who guesses it.
    """
    known = [found for path in MACHINE_IDS if (found := read(path))]
    parts = ("peft-harness", platform.node(), *known[:1])
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def _cpu() -> str | None:
    for line in (read(Path("/proc/cpuinfo")) or "").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or None


def _cores() -> int | None:
    """Cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()
