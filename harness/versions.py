"""The versions of the libraries that figures depend on: those installed, and those of a record."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

DISTRIBUTIONS = {
    "torch": "torch",
    "transformers": "transformers",
    "peft": "peft",
    "harness": "peft-harness",
}


def current() -> dict[str, str | None]:
    """Those installed, by the names that records have for them; None for what is not."""
    return dict(_installed())


def told(record: Mapping[str, Any]) -> str | None:
    """Which libraries of a record differ from those installed: `torch 2.12.0 (now 2.13.0)`.

    Those of every phase, whether it was trained or measured under them. What either does not know
    does not differ; None where nothing does.
    """
    environment = record.get("environment") or {}
    places = (environment, *(environment.get("elsewhere") or ()))
    differing = []
    for name, now in current().items():
        then = sorted({place[name] for place in places if place.get(name)} - {now})
        if then and now:
            differing.append(f"{name} {' and '.join(then)} (now {now})")
    return ", ".join(differing) or None


@cache
def _installed() -> dict[str, str | None]:
    # Asked of the metadata, since importing torch for it would take seconds.
    return {name: _version(distribution) for name, distribution in DISTRIBUTIONS.items()}


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
