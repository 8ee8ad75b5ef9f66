"""Who works on a trial: one sweep at a time, of all that share its folder, on any machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from filelock import LeaseSettingsMismatch, SoftFileLease, Timeout

from harness.errors import ConfigError

LEASE = ".lease"


class Lease:
    """The right to work in a folder, for as long as its holder shows signs of life.

    A holder that died is noticed at once on its own machine; elsewhere when nothing has been seen
    of it for `seconds`, by the clock of whoever waits, so that no clock has to agree with another.
    A holder that slept for longer than that may wake up to find the folder in other hands:
    `lost` says so, and `on_loss` is called from a thread of its own.
    """

    def __init__(
        self, folder: Path, seconds: float, on_loss: Callable[[], None] = lambda: None
    ) -> None:
        self._folder = folder
        self._lock = SoftFileLease(
            folder / LEASE,
            lease_duration=seconds,
            on_compromise=lambda _: on_loss(),
            thread_local=False,
            timeout=0,
        )

    @property
    def held(self) -> bool:
        return self._lock.is_locked

    @property
    def lost(self) -> bool:
        """Whether somebody else took the folder while it was held here."""
        # The heartbeat notices in its own time; a holder that has just woken up must know at once.
        return self._lock.compromise is not None or not self._lock.is_lock_held_by_us

    def take(self) -> bool:
        """Hold the folder if nobody else does; makes it where it is missing.

        To see another holder's signs of life cease, ask the same object again and again. Raises
        ConfigError where the other holder goes by another duration, OSError where nothing can be
        written.
        """
        if self.held:
            return True
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout:
            return False
        except LeaseSettingsMismatch as error:
            expected = f"must be what the other sweeps of this folder have: {error}"
            raise ConfigError("lease", self._lock.lease_duration, expected) from error
        return True

    def release(self) -> None:
        """Let go of the folder, which may be gone by now."""
        self._lock.release()
