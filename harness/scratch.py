"""Where the phases of a sweep keep the data that they share, for as long as it lasts."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.lease import Lease

FOLDER = ".prepared"


@contextmanager
def scratch(results: Path, seconds: float) -> Iterator[Path]:
    """A folder for one sweep, removed in the end; those of sweeps that died are removed first.

    `seconds` is how long a sweep on another machine may show no sign of life.
    """
    for left in sorted((results / FOLDER).glob("*")):
        _remove(left, Lease(left, seconds))
    folder = results / FOLDER / secrets.token_hex(8)
    lease = Lease(folder, seconds)
    lease.take()
    try:
        yield folder
    finally:
        _remove(folder, lease)
        with suppress(OSError):  # others still have theirs in it
            folder.parent.rmdir()


def _remove(folder: Path, lease: Lease) -> None:
    if lease.take():
        shutil.rmtree(folder, ignore_errors=True)
        lease.release()
