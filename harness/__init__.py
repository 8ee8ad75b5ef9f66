"""Benchmark and compare parameter-efficient fine-tuning methods."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.analysis.choice import select as select
    from harness.command import run_trial as run_trial
    from harness.store import load as load

_HOMES = {
    "load": "harness.store",
    "run_trial": "harness.command",
    "select": "harness.analysis.choice",
}
__all__ = ["load", "run_trial", "select"]


def __getattr__(name: str) -> Any:
    # Imported when asked for, since pandas and scipy cost a second that a command may not need.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
