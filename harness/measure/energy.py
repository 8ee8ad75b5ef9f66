"""Joules from the counters that a machine has: RAPL of its processor, NVML of its GPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import pynvml

POWERCAP = Path("/sys/class/powercap")


class NoCounter(Exception):
    """The machine has no counter that can be read; the message says what was looked for."""


class Counter(Protocol):
    """Energy since some moment that does not matter."""

    source: str
    covers: str
    """What draws the energy that is counted, in words for the record."""

    def joules(self) -> float: ...


class Rapl:
    """The processor's packages (Intel's RAPL and AMD's, as Linux shows both).

    Must be read more often than its counters wrap around, which takes minutes at full load.
    """

    source = "rapl"
    covers = "the whole processor: cores, caches and other programs included, memory left out"

    def __init__(self, packages: Iterable[Path]) -> None:
        """`packages`: folders with `energy_uj` and `max_energy_range_uj`, in microjoules."""
        self._ranges = {path: _number(path / "max_energy_range_uj") for path in packages}
        self._last = {path: _number(path / "energy_uj") for path in self._ranges}
        self._microjoules = 0

    def joules(self) -> float:
        for path, range_ in self._ranges.items():
            now = _number(path / "energy_uj")
            self._microjoules += (now - self._last[path]) % range_
            self._last[path] = now
        return self._microjoules / 1e6


class Nvml:
    """One NVIDIA GPU, from Volta on."""

    source = "nvml"
    covers = "the whole GPU and its memory, other programs included; the processor left out"

    def __init__(self, uuid: str, library: Any = pynvml) -> None:
        """Raises NoCounter where the driver or the GPU has none."""
        self._library = library
        try:
            library.nvmlInit()
            self._handle = library.nvmlDeviceGetHandleByUUID(uuid)
            self.joules()
        except library.NVMLError as error:
            raise NoCounter(f"NVML counts no energy of {uuid}: {error}") from error

    def joules(self) -> float:
        millijoules: int = self._library.nvmlDeviceGetTotalEnergyConsumption(self._handle)
        return millijoules / 1e3


def rapl(root: Path = POWERCAP) -> Rapl:
    """The counter of all packages under `root`; raises NoCounter where none can be read."""
    # Cores and memory are domains below a package (intel-rapl:0:1), and psys lies beside it.
    domains = [path for path in sorted(root.glob("intel-rapl:*")) if path.name.count(":") == 1]
    packages = [path for path in domains if _name(path).startswith("package")]
    if not packages:
        raise NoCounter(f"no RAPL package in {root}")
    try:
        return Rapl(packages)
    except OSError as error:
        raise NoCounter(f"{error.filename} cannot be read: {error.strerror}") from error


def counter_for(device: str) -> Counter:
    """That of the GPU with this uuid, or of the processor for `cpu`; raises NoCounter."""
    return rapl() if device == "cpu" else Nvml(device)


def idle_watts(
    counter: Counter,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> float:
    """Mean power while this process sleeps. Raises NoCounter for a counter that stands still."""
    joules, started = counter.joules(), clock()
    sleep(seconds)
    drawn = counter.joules() - joules
    if not drawn > 0:
        raise NoCounter(f"{counter.source} stood still for {seconds} s")
    return drawn / (clock() - started)


def joules_per_unit(
    counter: Counter,
    work: Callable[[], int],
    seconds: float,
    synchronize: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> float:
    """Energy over units of work, of calls repeated for so many seconds at least.

    `work` returns how many units (requests, examples) it did. Idle power is in it. RAPL is
    updated every millisecond and NVML's counter every tenth of a second, which bounds the error.
    """
    work()
    synchronize()
    joules, started, units = counter.joules(), clock(), 0
    while True:
        units += work()
        synchronize()
        if clock() - started >= seconds:
            return (counter.joules() - joules) / units


def _number(path: Path) -> int:
    return int(path.read_text())


def _name(domain: Path) -> str:
    try:
        return (domain / "name").read_text().strip()
    except OSError:
        return ""
