"""A cgroup with a limit of memory, where this machine lets one be made."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")


class NoCgroup(Exception):
    """None can be made; the message is the reason."""


@contextmanager
def limited(limit: int) -> Iterator[Path]:
    """A child of the own cgroup that may hold `limit` bytes, swap included; removed in the end."""
    folder, settings = _place()
    group = folder / f"faults-{os.getpid()}-{time.monotonic_ns()}"
    try:
        group.mkdir()
    except OSError as error:
        raise NoCgroup(f"no cgroup can be made in {folder}: {error.strerror}") from error
    try:
        for name, value in settings.items():
            try:
                (group / name).write_text(str(limit if value is None else value))
            except OSError as error:
                # Swap is not accounted for everywhere; without any there is none to limit.
                if "sw" not in name:
                    reason = f"{name} cannot be set in {folder}: {error.strerror}"
                    raise NoCgroup(reason) from error
        yield group
    finally:
        for _ in range(100):  # until the last of its processes is gone
            with suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


def _place() -> tuple[Path, dict[str, int | None]]:
    """The own cgroup's folder, and what limits a child of it; None stands for the limit."""
    groups = dict(
        line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines()
    )
    if "memory" in groups:
        names = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
        return MOUNT / "memory" / groups["memory"].lstrip("/"), dict.fromkeys(names)
    if "" in groups:
        return MOUNT / groups[""].lstrip("/"), {"memory.max": None, "memory.swap.max": 0}
    raise NoCgroup("there is no cgroup of memory on this machine")
