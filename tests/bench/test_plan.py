from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.bench import plan
from harness.plan.request import Request

MIB = 2**20
METHODS = ["full", "ia3", "lora"]


@pytest.fixture
def off_by(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let each of three plans be off by a given share, on one model in one shape."""

    def set_errors(errors: dict[str, float]) -> None:
        def compare(request: Request, folder: Path) -> Iterator[dict[str, Any]]:
            error = errors.get(request.method.name, 0.0)
            yield {
                "model": request.model.name,
                "objective": request.objective,
                "method": request.method.name,
                "batch_size": request.train.batch_size,
                "seq_len": request.seq_len,
                "peak": "training",
                "predicted": round((1 + error) * 100 * MIB),
                "measured": 100 * MIB,
                "error": error,
            }

        monkeypatch.setattr(plan, "_compared", compare)
        monkeypatch.setattr(plan, "shipped", lambda: METHODS)
        monkeypatch.setattr(plan, "MODELS", (("minilm", "classification"),))
        monkeypatch.setattr(plan, "SHAPES", ((4, 32),))

    return set_errors


@pytest.mark.parametrize(
    ("errors", "holds"),
    [
        ({}, True),
        ({"lora": 0.05, "full": -0.01}, True),
        ({"lora": -0.051}, False),  # the worst
        (dict.fromkeys(METHODS, 0.021), False),  # the median
    ],
)
def test_plans_hold_if_median_and_worst_error_are_small(
    off_by: Any, errors: dict[str, float], holds: bool
) -> None:
    off_by(errors)
    found = plan.run()
    assert [each["method"] for each in found["plans"]] == METHODS
    assert found["worst"] == max(map(abs, errors.values()), default=0.0)
    assert found["holds"] is holds


def test_the_worst_are_named_first_whichever_way_they_are_off(off_by: Any) -> None:
    off_by({"lora": -0.04, "full": 0.03})
    lines = plan.lines(plan.run())
    assert lines[0].startswith("3 peaks, 1 to the byte, median 3.000%, worst 4.000%")
    assert lines[1].split() == [
        "lora", "on", "minilm,", "classification", "4", "x", "32", "training", "100.0", "MiB",
        "-4.000%",
    ]  # fmt: skip
    assert lines[2].startswith("full on minilm")
