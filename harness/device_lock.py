"""One lock per device, for all sweeps of a machine: training shares it, measuring has it alone."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(
    device: str, *, alone: bool, waits: Callable[[], None], folder: Path | None = None
) -> Iterator[None]:
    """Hold a device, with others who share it or alone; `waits` is called if it takes waiting.

    `device` is what all users of the machine call it: cpu, or the uuid of a GPU. The kernel frees
    the lock when the holder dies, however that happens. `folder` is the system's for temporary
    files unless given.
    """
    handle = _open((folder or Path(tempfile.gettempdir())) / f"peft-harness-{device}.lock")
    kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    try:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            waits()
            fcntl.flock(handle, kind)
        yield
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    """The file that all users lock. It is read only, which a lock needs no more than."""
    while True:
        try:
            return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            # Kernels refuse to open another user's file in a shared folder with O_CREAT.
            try:
                handle = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o444)
            except FileExistsError:
                continue
            os.fchmod(handle, 0o444)  # whatever this user's umask says
            return handle
