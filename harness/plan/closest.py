"""The size whose share of trained parameters comes closest to a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count, pairwise

from harness.measure.parameters import Parameters

Count = Callable[[int], Parameters | None]

# Where a size must be even, or a multiple of four or eight, it is the first of these.
UNITS = (1, 2, 4, 8)
LARGEST = 2**20
# A size is followed by one that is at most so many times as large, however far the budget seems.
STRIDE = 64
# A share that so many growing steps do not move does not hang on the size.
STEADY = 3
# Every so manieth step between two sizes is to their middle: along a bend, lines only creep.
MIDDLE = 3


def closest(counted: Count, budget: float, others: Callable[[], Iterable[int]]) -> int | None:
    """A size; of two that are equally close, the smaller. None where none is accepted.

    `counted` gives the parameters at a size, or None where the method refuses it, and is called
    once for each. The size is sought where the share crosses the budget, first by growing steps,
    then between two sizes. Where some are refused, or counts rise and fall, `others` are counted
    too, such as the divisors of a width. It is then the closest of all that were counted.
    """
    return _Search(counted, budget).run(others)


class _Search:
    def __init__(self, counted: Count, budget: float) -> None:
        self._counted = counted
        self._budget = budget
        self._seen: dict[int, Parameters | None] = {}

    def run(self, others: Callable[[], Iterable[int]]) -> int | None:
        unit = next((size for size in UNITS if self._at(size)), None)
        if unit is not None:
            self._narrow(*self._bracket(unit), unit)
        if None in self._seen.values() or not self._monotone():
            for size in sorted(others()):
                if self._may_be_closest(size):
                    self._at(size)
        return min(self._accepted(), key=lambda size: (abs(self._off(size)), size), default=None)

    def _bracket(self, unit: int) -> tuple[int, int]:
        """A size, and a larger one that is beyond the budget, refused, or farther from it."""
        low, high, unmoved = unit, 2 * unit, 0
        while high <= LARGEST and self._on_the_way(low, high):
            unmoved = unmoved + 1 if self._off(low) == self._off(high) else 0
            if unmoved == STEADY:
                return unit, 2 * unit
            crossing = self._crossing(low, high, unit)
            low, high = high, max(2 * high, min(crossing, STRIDE * high))
        return low, high

    def _narrow(self, low: int, high: int, unit: int) -> None:
        """Count between two sizes until they are neighbours, or all between them is refused."""
        steps = count(1)
        while high - low > unit:
            if next(steps) % MIDDLE and self._at(high) and self._off(low) * self._off(high) <= 0:
                crossing = self._crossing(low, high, unit)
                between = min(max(crossing, low + unit), high - unit)
            else:
                between = low + (high - low) // unit // 2 * unit
            if self._on_the_way(low, between):
                low = between
            else:
                high = between

    def _on_the_way(self, low: int, high: int) -> bool:
        """Whether `high` is accepted, on the same side of the budget as `low`, and no farther."""
        if self._at(high) is None:
            return False
        before, after = self._off(low), self._off(high)
        return before * after > 0 and abs(after) <= abs(before)

    def _crossing(self, one: int, other: int, unit: int) -> int:
        """The multiple of `unit` before which the line through two sizes meets the budget.

        Of most methods the numbers that are trained, and those of the model, are linear in the
        size. So is then what is trained beyond the budget, and the share is not.
        """
        start, end = self._beyond(one), self._beyond(other)
        if start == end:
            return one
        return int(one + start * (other - one) / (start - end)) // unit * unit

    def _may_be_closest(self, size: int) -> bool:
        """Whether it is a neighbour of the closest so far, where counts only rise or only fall."""
        if not self._accepted() or not self._monotone():
            return True
        best = min(self._accepted(), key=lambda known: abs(self._off(known)))
        between = range(min(size, best) + 1, max(size, best))
        return not any(known in between for known in self._accepted())

    def _monotone(self) -> bool:
        shares = [self._off(size) for size in self._accepted()]
        rises = [after >= before for before, after in pairwise(shares)]
        falls = [after <= before for before, after in pairwise(shares)]
        return all(rises) or all(falls)

    def _accepted(self) -> list[int]:
        return sorted(size for size, found in self._seen.items() if found)

    def _off(self, size: int) -> float:
        """Share of the trained parameters, less the budget."""
        return self._known(size).share - self._budget

    def _beyond(self, size: int) -> float:
        """Numbers that are trained, less those of the budget."""
        found = self._known(size)
        return found.trainable - self._budget * found.total

    def _known(self, size: int) -> Parameters:
        found = self._at(size)
        assert found is not None
        return found

    def _at(self, size: int) -> Parameters | None:
        if size not in self._seen:
            self._seen[size] = self._counted(size)
        return self._seen[size]
