"""Predict the memory of training and inference, without weights."""

from __future__ import annotations

from typing import Any

from harness.plan.trial import predicted
from harness.workbench import Workbench


def run(bench: Workbench) -> dict[str, Any]:
    return {"memory": predicted(bench)}
