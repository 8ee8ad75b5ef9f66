"""A composition as text."""

from __future__ import annotations

from typing import Any

from harness.columns import aligned


def lines(composition: dict[str, Any]) -> list[str]:
    """One line per adapter and a column per task: test score, its 95% interval, and the means."""
    tasks = list(composition["tasks"])
    header = ["adapter", "rank", "weight", "density", *tasks, "of separate"]
    rows = [header]
    for row in composition["rows"]:
        merge = row["merge"] or {}
        figures = map(_plain, (row["rank"], merge.get("weight"), merge.get("density")))
        own = row["adapter"] if row["kind"] == "separate" else None
        scores = (_score(row["quality"][task], task == own) for task in tasks)
        share = row["relative"]
        share = "–" if share is None else f"{share:.1%}"
        rows.append([row["adapter"], *figures, *scores, share])
    return aligned(rows)


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _score(quality: dict[str, Any], own: bool) -> str:
    """The task's own adapter is marked with a star."""
    low, high = quality["ci_low"], quality["ci_high"]
    interval = "" if low is None else f" [{low:.3f}, {high:.3f}]"
    return f"{quality['value']:.3f}{interval}{'*' if own else ''}"
