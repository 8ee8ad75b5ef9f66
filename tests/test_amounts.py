from __future__ import annotations

import pytest

from harness.amounts import parse_bytes, parse_share, told_bytes, told_share
from harness.errors import ConfigError


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(None, None), (1024, 1024), ("8GiB", 8 * 2**30), ("1.5 MB", 1.5e6), ("512 MiB", 2**29)],
)
def test_amount_is_read_with_its_unit(amount, expected):
    assert parse_bytes("max_memory", amount) == expected


@pytest.mark.parametrize("amount", ["8 gigs", "GiB", "-1", "1e", "8GiB8"])
def test_what_is_no_amount_is_refused_with_the_units(amount):
    with pytest.raises(ConfigError, match=r"max_memory=.*: must be a number with .* GiB"):
        parse_bytes("max_memory", amount)


@pytest.mark.parametrize("amount", ["12 B", "1023 KiB", "1.5 MiB", "9.5 GiB", "2048 GiB"])
def test_amount_is_told_in_its_largest_unit_and_read_again(amount):
    found = parse_bytes("max_memory", amount)
    assert found is not None
    assert told_bytes(found) == amount


@pytest.mark.parametrize(
    ("share", "expected"),
    [(None, None), ("0.5%", 0.005), (0.005, 0.005), ("12%", 0.12), (1e-5, 1e-5), ("99.9%", 0.999)],
)
def test_share_is_read_with_or_without_percent(share, expected):
    assert parse_share("budget", share) == pytest.approx(expected)


@pytest.mark.parametrize("share", [0, 1, 5, True, "100%", "0%", "-1%", "half", "% 5", "", [0.1]])
def test_what_is_no_share_is_refused_with_examples(share):
    with pytest.raises(ConfigError, match=r"budget=.*: must be a share such as 0.5% or 0.005"):
        parse_share("budget", share)


@pytest.mark.parametrize("told", ["0.5%", "0.0123%", "12.5%"])
def test_share_is_told_in_percent_and_read_again(told):
    found = parse_share("budget", told)
    assert found is not None
    assert told_share(found) == told
