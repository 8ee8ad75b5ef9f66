"""Times of several subjects, taken so that they can be compared."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from harness.measure.statistics import paired_ratio, percentiles, spread

Subjects = Mapping[str, Callable[[], object]]

UNSTABLE_ABOVE = 0.10  # IQR over median of any subject
BLOCKS = 20
"""Placements in memory that the fewest rounds are spread over: as many as a bootstrap takes."""


@dataclass(frozen=True)
class Timing:
    """Nanoseconds of each subject; the i-th samples of all subjects come from the same round.

    `blocks` holds the number of each round's block: rounds of one block share where the subjects
    lie in memory, and so are not independent.
    """

    samples: dict[str, tuple[int, ...]]
    cold: dict[str, int]
    seed: int
    repeated: bool
    blocks: tuple[int, ...]

    @property
    def stable(self) -> bool:
        """Whether no subject's times spread so far that their median says little."""
        return all(spread(samples).relative <= UNSTABLE_ABOVE for samples in self.samples.values())

    def joined(self, other: Timing) -> Timing:
        """The rounds of both, `other` taken after this one."""
        samples = {name: taken + other.samples[name] for name, taken in self.samples.items()}
        further = tuple(block + self.blocks[-1] + 1 for block in other.blocks)
        return replace(self, samples=samples, blocks=self.blocks + further)

    def part(self, names: Mapping[str, str]) -> Timing:
        """Some of the subjects, under other names: from those here to those there."""
        samples = {new: self.samples[old] for old, new in names.items()}
        return replace(self, samples=samples, cold={n: self.cold[o] for o, n in names.items()})

    def figures(self) -> dict[str, Any]:
        """Milliseconds of each subject, and the ratio of every other subject to `base`.

        Percentiles that n does not carry are None, and so are the bounds of a ratio from too
        few rounds.
        """
        figures: dict[str, Any] = {name: self._summary(name) for name in self.samples}
        for name, samples in self.samples.items():
            if name != "base" and "base" in self.samples:
                ratio = paired_ratio(samples, self.samples["base"], self.seed, blocks=self.blocks)
                figures[f"{name}_over_base"] = asdict(ratio)
        return figures | {"stable": self.stable, "repeated": self.repeated}

    def _summary(self, name: str) -> dict[str, float | int | None]:
        milliseconds = [sample / 1e6 for sample in self.samples[name]]
        found, carried = spread(milliseconds), percentiles(milliseconds)
        return {
            "median_ms": found.median,
            "iqr_ms": found.iqr,
            "n": found.n,
            "cold_ms": self.cold[name] / 1e6,
            **{f"p{percent}_ms": carried.get(percent) for percent in (90, 95, 99)},
        }


def interleaved(
    subjects: Subjects,
    *,
    seconds: float,
    rounds: int,
    warmups: int,
    seed: int,
    limit_seconds: float = 120.0,
    apart: Sequence[Sequence[str]] | None = None,
    renew: Callable[[], Subjects] | None = None,
    clock: Callable[[], int] = time.perf_counter_ns,
    synchronize: Callable[[], None] = lambda: None,
) -> Timing:
    """Time every subject once a round, in an order shuffled anew each round.

    Each subject is first called once cold and `warmups` times more. Rounds go on until both
    `seconds` (of all subjects together) and `rounds` are reached, or `limit_seconds` are over;
    at least one round is run. Timing that comes out unstable is repeated once: a stable repeat
    replaces it, since what disturbed it is over; after an unstable one the rounds of both are
    kept, since the disturbance is the machine's state.

    `apart` names groups of subjects whose calls are not mixed, such as requests of two sizes, of
    which the larger ones would leave the caches to the smaller; by default all are one group.

    `renew` gives the same subjects in another place of the memory, warmed up, where that changes
    how fast they are: it is asked for each block, of which the fewest rounds make BLOCKS. Without
    it every round is a block. `synchronize` waits for work that a call has only queued; `clock`
    gives nanoseconds.
    """
    if not subjects or rounds < 1 or warmups < 0 or not 0 <= seconds <= limit_seconds:
        raise ValueError(
            f"{len(subjects)} subjects, rounds={rounds}, warmups={warmups}, seconds={seconds}: "
            f"expected one subject and one round at least, and at most {limit_seconds} seconds"
        )
    per_block = max(1, rounds // BLOCKS) if renew else 1
    generator = random.Random(seed)

    def timed(call: Callable[[], object]) -> int:
        synchronize()
        start = clock()
        call()
        synchronize()
        return clock() - start

    def one_pass() -> tuple[dict[str, tuple[int, ...]], tuple[int, ...]]:
        samples: dict[str, list[int]] = {name: [] for name in subjects}
        blocks: list[int] = []
        groups = [list(names) for names in apart or [list(subjects)]]
        start, spent, block = clock(), 0, 0
        while True:
            current = subjects
            if renew:
                current = {}  # what lay there is gone before the new takes its place
                gc.collect()
                current = renew()
            for order in groups:
                for _ in range(per_block):
                    generator.shuffle(order)
                    for name in order:
                        samples[name].append(timed(current[name]))
                        spent += samples[name][-1]
            blocks += [block] * per_block
            block += 1
            met = spent >= seconds * 1e9 and len(blocks) >= rounds
            if met or clock() - start >= limit_seconds * 1e9:
                return {name: tuple(taken) for name, taken in samples.items()}, tuple(blocks)

    with _collector_off():
        cold = {name: timed(call) for name, call in subjects.items()}
        for _ in range(warmups):
            for call in subjects.values():
                call()
        samples, blocks = one_pass()
        first = Timing(samples, cold, seed, repeated=False, blocks=blocks)
        if first.stable:
            return first
        samples, blocks = one_pass()
        second = Timing(samples, cold, seed, repeated=True, blocks=blocks)
        if second.stable:
            return second
        return replace(first.joined(second), repeated=True)


@contextmanager
def _collector_off() -> Iterator[None]:
    """No garbage collection inside but on demand, and then of what is new; collected before."""
    gc.collect()
    gc.freeze()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()
