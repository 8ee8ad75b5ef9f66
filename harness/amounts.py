"""Amounts of memory as people write them."""

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


def told_bytes(amount: float) -> str:
    """In the largest unit that it has one of: 9.5 * 2**30 is `9.5 GiB`."""
    unit = next(name for name in ("GiB", "MiB", "KiB", "B") if amount >= UNITS[name] or name == "B")
    return f"{amount / UNITS[unit]:.4g} {unit}"
