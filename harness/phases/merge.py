"""Put the update into the base's weights: what it changes in the answers and in the quality."""

from __future__ import annotations

from typing import Any

from harness.measure.merge import max_abs_difference
from harness.methods import NotMergeable
from harness.models import TaskModel
from harness.workbench import Workbench


def run(bench: Workbench) -> dict[str, Any]:
    unmerged, copy = bench.restored(), bench.restored()
    try:
        merged = bench.merged(copy)
    except NotMergeable as reason:
        merge = {"mergeable": False, "reason": str(reason), "max_abs_logit_difference": None}
        return {"merge": merge, "quality": {"after_merge": None}}
    batch = bench.longest_batch()

    def logits(model: TaskModel) -> Any:
        return model(batch["input_ids"], batch["attention_mask"])

    difference = max_abs_difference(unmerged, merged, logits)
    _, quality = bench.score(merged, "test")
    merge = {"mergeable": True, "reason": None, "max_abs_logit_difference": difference}
    return {"merge": merge, "quality": {"after_merge": quality.value}}
