"""How fast training steps are: the same steps in two passes, repeated once if they disagree."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from harness.measure.speed import Speed, Work
from harness.training import Batch, step
from harness.workbench import Workbench


def run(bench: Workbench) -> dict[str, Any]:
    model, recipe = bench.fresh(), bench.trial.train
    optimizer = bench.method.optimizer(model, recipe)
    batches = bench.training_batches()
    timed = [next(batches) for _ in range(bench.trial.measure.speed_steps)]
    work = [Work(len(b["labels"]), int(b["attention_mask"].sum())) for b in timed]

    def nanoseconds_of(batch: Batch) -> int:
        bench.device.synchronize()
        start = time.perf_counter_ns()
        step(model, batch, bench.kind.loss, optimizer, recipe)
        bench.device.synchronize()
        return time.perf_counter_ns() - start

    def two_passes() -> Speed:
        first, second = ([nanoseconds_of(batch) for batch in timed] for _ in range(2))
        return Speed(work, first, second)

    nanoseconds_of(next(batches))  # makes the optimizer's state
    speed = two_passes()
    if not speed.stable:
        speed = replace(two_passes(), repeated=True)
    return {"training": speed.figures()}
