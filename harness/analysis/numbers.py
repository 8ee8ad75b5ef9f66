"""Numbers as a reader wants them: three significant digits, a unit in the header."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from math import floor, log10

from harness.analysis.estimate import Estimate

DASH = "–"
KIB, MIB, GIB = 2**10, 2**20, 2**30


def significant(value: float, digits: int = 3) -> str:
    """1234 → 1,230; 0.0123 → 0.0123; never in powers of ten between 1e-4 and 1e15."""
    if value == 0:
        return "0"
    magnitude = floor(log10(abs(value)))
    rounded = round(value, digits - 1 - magnitude)
    if rounded == 0 or abs(rounded) < 1e-4 or abs(rounded) >= 1e15:
        return f"{value:.{digits - 1}e}"
    magnitude = floor(log10(abs(rounded)))
    return f"{rounded:,.{max(0, digits - 1 - magnitude)}f}"


def points(value: float) -> str:
    """A share as points: 0.7863 → 78.6."""
    return f"{100 * value:.1f}"


def percent(share: float) -> str:
    """A share of a count: 100% is all of them and 0% none, what lies between is told as such."""
    return f"{share:.0%}" if share in (0.0, 1.0) else f"{min(99, max(1, round(100 * share)))}%"


def in_percent(share: float) -> str:
    """A share of anything, rounded: 0.4637 → 46%."""
    return f"{100 * share:.0f}%"


def signed_points(value: float) -> str:
    text = f"{100 * value:+.1f}".replace("-", "−")
    return "0.0" if text in ("+0.0", "−0.0") else text


def nats(value: float) -> str:
    """A change of loss: 0.0123 → +0.012."""
    text = f"{value:+.3f}".replace("-", "−")
    return "0.000" if text in ("+0.000", "−0.000") else text


def seconds(value: float) -> str:
    """Three digits, whole above a minute: 12.3, 754."""
    return significant(value) if value < 60 else f"{value:,.0f}"


def ratio(value: float) -> str:
    """1.0712 → 1.07×."""
    return f"{value:.2f}×" if value < 100 else f"{significant(value)}×"


def fine_ratio(value: float) -> str:
    """1.0046 → 1.005×, where the third digit is what matters."""
    return f"{value:.3f}×"


def bytes_unit(values: Iterable[float | None]) -> tuple[str, int]:
    """The unit that suits most of the values, and its bytes."""
    known = sorted(value for value in values if value)
    middle = known[len(known) // 2] if known else MIB
    for name, size in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if middle >= size:
            return name, size
    return "B", 1


def in_bytes(value: float, digits: int = 3) -> str:
    """With its own unit: 202375168 → 193 MiB."""
    if value < KIB:
        return f"{value:.0f}\u00a0B"
    name, size = bytes_unit([value])
    return f"{significant(value / size, digits)}\u00a0{name}"


def rounded(value: float, up: bool, digits: int = 4) -> float:
    """To so many significant digits, never below the value or never above it."""
    if value == 0:
        return value
    places = digits - 1 - floor(log10(abs(value)))
    near = round(value, places)
    step = 10.0**-places
    if up and near < value:
        return round(near + step, places)
    if not up and near > value:
        return round(near - step, places)
    return near


def count(value: float) -> str:
    """Parameters: 147456 → 147k, 22713216 → 22.7M."""
    for name, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{significant(value / size)}{name}"
    return f"{value:.0f}"


def short(show: Callable[[float], str]) -> Callable[[float], str]:
    """For ticks, which are round: 10.0k → 10k, 80.0 → 80."""
    return lambda value: re.sub(r"\.0+(?!\d)", "", show(value))


def between(low: str, high: str) -> str:
    low, high = ("−" + end[1:] if end.startswith("-") else end for end in (low, high))
    signed = any(text.startswith(("−", "+")) for text in (low, high))
    return f"{low} to {high}" if signed else f"{low}–{high}"


def with_interval(estimate: Estimate, show: Callable[[float], str] = points) -> str:
    """78.6 (76.0–81.1), or ≥ 78.6, or a dash."""
    if estimate.value is None:
        return DASH
    if estimate.at_least:
        return f"≥\u00a0{show(estimate.value)}"
    if estimate.low is None or estimate.high is None:
        return show(estimate.value)
    return f"{show(estimate.value)} ({between(show(estimate.low), show(estimate.high))})"


def listed(names: Iterable[str], most: int = 6) -> str:
    """a, b and c; after `most` the rest is counted."""
    shown = list(names)
    if len(shown) > most:
        shown = [*shown[:most], f"{len(shown) - most} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def shortened(text: str, most: int = 32) -> str:
    """For where a long name would push a drawing aside."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def plural(n: int, noun: str, nouns: str = "") -> str:
    """1 pair, 2 pairs; what has another plural names it."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {nouns or f'{noun}s'}"
