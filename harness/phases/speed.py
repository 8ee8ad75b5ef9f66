"""How fast training steps are."""

from __future__ import annotations

import time
from typing import Any

from harness.training import Batch, step
from harness.workbench import Workbench


def run(bench: Workbench) -> dict[str, Any]:
    model, recipe = bench.fresh(), bench.trial.train
    optimizer = bench.method.optimizer(model, recipe)
    batches = bench.training_batches()

    def one_step(batch: Batch) -> None:
        step(model, batch, bench.kind.loss, optimizer, recipe.clip_norm)

    one_step(next(batches))
    timed = [next(batches) for _ in range(bench.trial.measure.speed_steps)]
    bench.device.synchronize()
    started = time.perf_counter()
    for batch in timed:
        one_step(batch)
    bench.device.synchronize()
    seconds = time.perf_counter() - started
    speed = {
        "examples_per_s": sum(len(batch["labels"]) for batch in timed) / seconds,
        "tokens_per_s": sum(int(batch["attention_mask"].sum()) for batch in timed) / seconds,
    }
    return {"training": speed}
