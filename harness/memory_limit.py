"""The trials that a sweep leaves out, since by their plans they need too much memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.amounts import told_bytes
from harness.trials import Trial


def too_large(trials: Sequence[Trial], limit: float) -> dict[str, str]:
    """Reasons by trial, for those that do not fit into `limit` bytes and those that build on them.

    Trials come after those that they build on. One without a prediction is none of them.
    """
    reasons: dict[str, str] = {}
    for trial in trials:
        memory = _planned(trial)
        peaks = [memory.get(phase, {}).get("predicted") for phase in ("train", "inference")]
        needs = max((peak for peak in peaks if peak is not None), default=0)
        sources = [source.id for source in trial.sources if source.id in reasons]
        if needs > limit:
            told = f"needs {told_bytes(needs)} by the plan"
            reasons[trial.id] = f"{told}, more than max_memory={told_bytes(limit)}"
        elif sources:
            reasons[trial.id] = f"it builds on trial {sources[0]}, which {reasons[sources[0]]}"
    return reasons


def unforeseen(trial: Trial) -> str | None:
    """Why the plan of a trial lacks a prediction; None where it lacks none."""
    reason: str | None = _planned(trial).get("unpredicted")
    return reason


def _planned(trial: Trial) -> dict[str, Any]:
    memory: dict[str, Any] = (trial.part("plan") or {}).get("memory", {})
    return memory
