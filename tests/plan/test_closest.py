"""The size closest to a budget, against looking at every size."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from harness.measure.parameters import Parameters
from harness.plan.closest import closest

WIDTH, MAPS, BASE, HEAD = 384, 24, 5_000_000, 770
DIVISORS = [size for size in range(1, WIDTH + 1) if WIDTH % size == 0]
BUDGETS = [1e-5, 3e-4, 0.001, 0.005, 0.0123, 0.05, 0.2, 0.6]


class Method:
    """Counts by a closed form, and remembers at which sizes it was asked."""

    def __init__(
        self, adapter: Callable[[int], float], accepts: Callable[[int], bool] = lambda size: True
    ) -> None:
        self.adapter = adapter
        self.accepts = accepts
        self.asked: list[int] = []

    def at(self, size: int) -> Parameters | None:
        if not self.accepts(size):
            return None
        adapter = round(self.adapter(size))
        trainable, total = adapter + HEAD, BASE + adapter + HEAD
        return Parameters(trainable, adapter, HEAD, total, trainable / total)

    def counted(self, size: int) -> Parameters | None:
        self.asked.append(size)
        return self.at(size)

    def found(self, budget: float, others: Iterable[int] = DIVISORS) -> int | None:
        self.asked.clear()
        size = closest(self.counted, budget, lambda: others)
        assert len(set(self.asked)) == len(self.asked), "a size was counted twice"
        return size

    def by_hand(self, budget: float, largest: int = 20_000) -> int:
        known = {size: made for size in range(1, largest) if (made := self.at(size))}
        return min(known, key=lambda size: (abs(known[size].share - budget), size))


def lora(rank: int) -> int:
    return 2 * rank * WIDTH * MAPS


def rank_within_width(rank: int) -> bool:
    return rank <= WIDTH


def divides(size: int) -> bool:
    return WIDTH % size == 0


METHODS = {
    "linear": Method(lora),
    "linear up to the width": Method(lora, rank_within_width),
    "with numbers of any size": Method(lambda size: 7000 + 3 * WIDTH * MAPS * size),
    "even sizes alone": Method(lora, lambda size: size % 2 == 0),
    "square": Method(lambda size: MAPS * size**2),
    # Orthogonal blocks have b(b-1)/2 numbers for each b rows: Qiu et al. 2023, arXiv 2306.07280.
    "blocks": Method(lambda size: MAPS * WIDTH * (size - 1) / 2, divides),
    # Circular convolutions have a kernel of b for each block of b by b: Chen et al. 2024,
    # arXiv 2407.19342.
    "falls with the size": Method(lambda size: MAPS * WIDTH**2 / size, divides),
    "in stairs": Method(lambda size: MAPS * WIDTH * (size // 8)),
    "up to a ceiling": Method(lambda size: lora(min(size, 100))),
    "whatever the size": Method(lambda size: 1000),
}


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("name", METHODS)
def test_it_is_the_one_that_looking_at_all_sizes_finds(name, budget):
    method = METHODS[name]
    found, expected = method.found(budget), method.by_hand(budget)
    if name in ("in stairs", "up to a ceiling"):  # where several sizes have the same count
        a, b = method.at(found or 0), method.at(expected)
        assert a is not None
        assert b is not None
        assert a.share == b.share
    else:
        assert found == expected


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_linear_count_is_asked_for_a_handful_of_sizes(budget):
    method = METHODS["linear"]
    method.found(budget)
    assert len(method.asked) <= 7


@pytest.mark.parametrize("name", METHODS)
def test_no_method_is_asked_for_more_than_some_dozens(name):
    for budget in BUDGETS:
        METHODS[name].found(budget)
        assert len(METHODS[name].asked) <= 40


def test_below_the_smallest_size_it_is_the_smallest():
    assert METHODS["linear"].found(1e-9) == 1


def test_of_two_neighbours_equally_close_it_is_the_smaller():
    method = Method(lambda size: size * 1000)
    low, high = method.at(4), method.at(5)
    assert low is not None
    assert high is not None
    middle = (low.share + high.share) / 2
    assert {method.found(middle * (1 - 1e-9)), method.found(middle * (1 + 1e-9))} == {4, 5}


def test_counts_that_rise_and_fall_are_looked_at_at_all_others():
    method = Method(lambda size: {1: 4000, 2: 5000, 96: 60_000}.get(size, 3000))
    assert method.found(0.012) == 96


def test_none_where_every_size_is_refused():
    method = Method(lora, lambda size: False)
    assert method.found(0.01) is None
    assert set(DIVISORS) <= set(method.asked)
