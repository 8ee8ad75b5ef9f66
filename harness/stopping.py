"""How a command is stopped from outside: one interrupt, whichever signal asks for it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Cleaning up takes less; after it a signal is heeded again, in case the first was swallowed.
PATIENCE = 10.0


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt with their number as its argument.

    Those that follow within seconds are dropped, so that cleaning up is not cut short. A signal
    that is ignored, as SIGHUP is under nohup, stays ignored. Afterwards all are: the command is
    over, and its process should end as it did.
    """
    if threading.current_thread() is not threading.main_thread():  # no other may set handlers
        yield
        return
    stopped = float("-inf")

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        if time.monotonic() - stopped > PATIENCE:
            stopped = time.monotonic()
            raise KeyboardInterrupt(number)

    heeded = [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    for each in heeded:
        signal.signal(each, stop)
    try:
        yield
    finally:
        for each in heeded:
            signal.signal(each, signal.SIG_IGN)
