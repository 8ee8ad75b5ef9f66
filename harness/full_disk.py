"""A disk that takes no more, whichever library tells of it."""

from __future__ import annotations

import errno
import os
import re

from harness.errors import HarnessError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
# How Rust's standard library ends what it says; safetensors has an error of its own around it.
RUST = re.compile(r"\(os error (\d+)\)")


class FullDisk(HarnessError, OSError):
    """Nothing can be written any more, for no fault of what wanted to write."""


def full_disk(error: BaseException | None) -> OSError | None:
    """The error, or the one that it came from, as the system's; None where no disk was full."""
    while error is not None:
        if isinstance(error, OSError):
            if error.errno in FULL:
                return error
        elif (told := RUST.search(str(error))) and int(told[1]) in FULL:
            return OSError(int(told[1]), os.strerror(int(told[1])))
        error = error.__cause__ or error.__context__
    return None
