"""The memory high-water mark of this process, as the Linux kernel keeps it."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def reset_high_water() -> bool:
    """Set the mark back to what is resident now; False where the platform cannot.

    Freed memory that the C library still holds is returned to the kernel first, since it would
    otherwise count for whatever is measured next.
    """
    with suppress(AttributeError, OSError, TypeError):  # another C library holds what it holds
        ctypes.CDLL(None).malloc_trim(0)
    try:
        _CLEAR.write_text("5")
    except OSError:
        return False
    return True


def high_water() -> int | None:
    """Most bytes ever resident since the last reset (VmHWM), None where there is no such mark.

    ru_maxrss is not the same: a child inherits its parent's, and nothing resets it.
    """
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    kibibytes = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(kibibytes[0]) * 1024 if kibibytes else None
