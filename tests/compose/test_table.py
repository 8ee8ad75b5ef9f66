"""A composition as text."""

from __future__ import annotations

from typing import Any

from harness.compose.table import lines


def quality(value: float, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "ci_low": low, "ci_high": high}


def row(adapter: str, kind: str, a: float, b: float, relative: float | None, **more: Any) -> Any:
    scores = {"a": quality(a, a - 0.01, a + 0.01), "b": quality(b)}
    shared = {"rank": None, "merge": None, "relative": relative, "quality": scores}
    return {"adapter": adapter, "kind": kind, **shared, **more}


def test_a_line_per_adapter_and_a_star_on_the_tasks_own():
    told = lines(
        {
            "tasks": {"a": "id", "b": "id"},
            "rows": [
                row("base", "base", 0.5, 0.4, 0.7),
                row("a", "separate", 0.8, 0.4, 0.9, rank=8),
                row("b", "separate", 0.6, 0.75, None, rank=8),
                row("ties", "merged", 0.7, 0.7, 0.925, rank=8, merge={"weight": 1, "density": 0.2}),
            ],
        }
    )
    cells = [[cell for cell in line.split("  ") if cell] for line in told]
    assert [[cell.strip() for cell in line] for line in cells] == [
        ["adapter", "rank", "weight", "density", "a", "b", "of separate"],
        ["base", "0.500 [0.490, 0.510]", "0.400", "70.0%"],
        ["a", "8", "0.800 [0.790, 0.810]*", "0.400", "90.0%"],
        ["b", "8", "0.600 [0.590, 0.610]", "0.750*", "–"],
        ["ties", "8", "1", "0.2", "0.700 [0.690, 0.710]", "0.700", "92.5%"],
    ]


def test_task_named_like_a_way_of_merging_gets_no_star_in_its_row():
    merge = {"weight": 0.5, "density": None}
    rows = [row("cat", "merged", 0.5, 0.4, 0.7, rank=16, merge=merge)]
    rows[0]["quality"] = {"cat": quality(0.5)}
    assert "*" not in lines({"tasks": {"cat": "id"}, "rows": rows})[1]
