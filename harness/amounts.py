"""Amounts of memory and time, and shares, as people write them."""

from __future__ import annotations

import re

from harness.errors import ConfigError

UNITS = {
    "": 1, "B": 1,
    "kB": 10**3, "MB": 10**6, "GB": 10**9,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip


def parse_bytes(field: str, amount: object) -> float | None:
    """Bytes of `8GiB`, `500 MB` or a plain number; None stays None. Raises ConfigError."""
    if amount is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([A-Za-z]*)", str(amount))
    if not found or found[2] not in UNITS:
        units = ", ".join(unit for unit in UNITS if unit)
        raise ConfigError(field, amount, f"must be a number with one of the units {units}")
    return float(found[1]) * UNITS[found[2]]


def parse_share(field: str, share: object) -> float | None:
    """0.005 of `0.5%` or 0.005; None stays None. Raises ConfigError outside of 0 and 1."""
    if share is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?(?:e-?\d+)?)(%?)", str(share))
    value = float(found[1]) / (100 if found[2] else 1) if found else 0.0
    if not 0 < value < 1:
        raise ConfigError(
            field, share, "must be a share such as 0.5% or 0.005, above 0 and below 1"
        )
    return value


def told_share(share: float) -> str:
    """In percent: 0.005 is `0.5%`."""
    return f"{100 * share:.3g}%"


def told_bytes(amount: float) -> str:
    """In the largest unit that it has one of: 9.5 * 2**30 is `9.5 GiB`."""
    unit = next(name for name in ("GiB", "MiB", "KiB", "B") if amount >= UNITS[name] or name == "B")
    return f"{amount / UNITS[unit]:.4g} {unit}"


def told_seconds(seconds: float) -> str:
    """In the largest unit that it has two of: 5400 is `90 min`."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return (
                f"{seconds / length:.2g} {unit}" if length > 60 else f"{seconds / length:.0f} min"
            )
    return f"{seconds:.0f} s"
