"""How long a method trains until it is worth anything: until it reaches the floor."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.entry import Entry
from harness.analysis.estimate import Estimate, pooled, unknown
from harness.analysis.study import Study


def steps_to(
    level: float, curve: Sequence[tuple[int, float]], higher_is_better: bool = True
) -> int | None:
    """The first step of the curve whose quality is at least as good as `level`; None if none is."""
    for step, quality in sorted(curve):
        if (quality >= level) if higher_is_better else (quality <= level):
            return step
    return None


def time_to_floor(study: Study, entry: Entry) -> Estimate:
    """Seconds of training steps until validation quality first equals the floor's.

    Only the steps on the validation curve are looked at, so it is late by up to one gap of them.
    """
    floor = study.floor
    if floor is None:
        return unknown("no floor to compare with")
    if entry is floor:
        return unknown("it is the floor")
    level = floor["validation"].value
    if level is None:
        return unknown("the floor has no validation quality")
    if not entry.curves:
        return unknown("no validation curve was recorded")
    reached = [steps_to(level, curve, study.higher_is_better) for curve in entry.curves]
    known = [steps for steps in reached if steps is not None]
    if len(known) < len(reached):
        last = max(step for curve in entry.curves for step, _ in curve)
        which = "validation stays" if len(reached) == 1 else f"in {len(reached) - len(known)} of "
        which += "" if len(reached) == 1 else f"{len(reached)} seeds validation stays"
        return unknown(f"{which} worse than the floor's for all {last} steps")
    step = entry["step_ms"]
    if step.value is None:
        return unknown(f"seconds per step: {step.reason}")
    return pooled([Estimate(steps * step.value / 1000) for steps in known])
