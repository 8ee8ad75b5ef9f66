from __future__ import annotations

import pytest

from harness.analysis import numbers
from harness.analysis.estimate import Estimate, unknown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234, "1,230"), (0.012345, "0.0123"), (78.64, "78.6"), (99.96, "100"), (0, "0"),
        (-5.678, "-5.68"), (1, "1.00"), (1e-7, "1.00e-07"), (22713216, "22,700,000"),
    ],
)  # fmt: skip
def test_three_significant_digits(value: float, text: str) -> None:
    assert numbers.significant(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.062, "+6.2"), (-0.0041, "−0.4"), (0.00004, "0.0"), (-0.00004, "0.0")],
)
def test_gains_carry_a_sign_unless_they_are_nothing(value: float, text: str) -> None:
    assert numbers.signed_points(value) == text


def test_ratios_counts_and_bytes() -> None:
    assert numbers.ratio(1.0712) == "1.07×"
    assert numbers.fine_ratio(1.0046) == "1.005×"
    assert [numbers.count(n) for n in (2, 770, 147456, 22713216, 6.74e9)] == [
        "2", "770", "147k", "22.7M", "6.74B"
    ]  # fmt: skip
    assert numbers.in_bytes(300) == "300\u00a0B"
    assert numbers.in_bytes(193 * 2**20) == "193\u00a0MiB"


def test_a_column_has_the_unit_of_most_of_its_figures() -> None:
    assert numbers.bytes_unit([None, 10 * 2**10, 20 * 2**10, 9 * 2**30]) == ("KiB", 2**10)
    assert numbers.bytes_unit([]) == ("MiB", 2**20)


def test_intervals() -> None:
    assert numbers.with_interval(Estimate(0.786, 0.76, 0.811)) == "78.6 (76.0–81.1)"
    assert numbers.with_interval(Estimate(0.786)) == "78.6"
    assert numbers.with_interval(unknown("gone")) == "–"
    assert numbers.between("−0.4", "1.2") == "−0.4 to 1.2"
    assert numbers.between("-7.69", "18.2") == "−7.69 to 18.2"  # a dash would look like the sign


def test_ticks_drop_the_zeros_that_say_nothing() -> None:
    shown = [numbers.short(numbers.count)(n) for n in (10_000, 12_500, 1e6)]
    assert shown == ["10k", "12.5k", "1M"]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (list("abcdefgh"), "a, b, c, d, e, f and 2 more"),
    ],
)
def test_lists_in_words(names: list[str], text: str) -> None:
    assert numbers.listed(names) == text


def test_a_percentage_is_round_only_where_it_is_exact() -> None:
    shares = (0.0, 0.001, 0.125, 0.998, 1.0)
    assert [numbers.percent(share) for share in shares] == ["0%", "1%", "12%", "99%", "100%"]


@pytest.mark.parametrize("value", [207.80666, 0.0249357, 1.0, -0.02000001, 1234567.0, 0.0])
def test_rounding_to_one_side_never_crosses_the_value(value: float) -> None:
    below, above = numbers.rounded(value, up=False), numbers.rounded(value, up=True)
    assert below <= value <= above
    assert above - below <= abs(value) * 1.01e-3
