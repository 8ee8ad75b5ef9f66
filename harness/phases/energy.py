"""Energy of training and of requests, in loops of their own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

import torch

from harness.measure import energy
from harness.models import TaskModel
from harness.training import step
from harness.workbench import Workbench

FIGURES = ("idle_watts", "training_joules_per_example", "base_joules_per_request",
           "unmerged_joules_per_request", "merged_joules_per_request")  # fmt: skip


def run(bench: Workbench) -> dict[str, Any]:
    unknown = dict.fromkeys(("source", "covers", "reason", *FIGURES))
    try:
        found = _measured(bench, energy.counter_for(bench.device.identity))
    except energy.NoCounter as reason:
        found = {"reason": str(reason)}
    return {"energy": {**unknown, **found}}


def _measured(bench: Workbench, counter: energy.Counter) -> dict[str, Any]:
    seconds = bench.trial.measure.energy_seconds
    assert seconds is not None

    def joules(work: Callable[[], int]) -> float:
        return energy.joules_per_unit(counter, work, seconds, bench.device.synchronize)

    figures = {
        "source": counter.source,
        "covers": counter.covers,
        "idle_watts": energy.idle_watts(counter, seconds),
        "training_joules_per_example": joules(_training(bench)),
        "base_joules_per_request": joules(_requests(bench, bench.base())),
        "unmerged_joules_per_request": joules(_requests(bench, bench.restored())),
    }
    merged = bench.merged_copy()
    if merged is None:
        return figures
    return {**figures, "merged_joules_per_request": joules(_requests(bench, merged))}


def _training(bench: Workbench) -> Callable[[], int]:
    model, recipe = bench.fresh(), bench.trial.train
    optimizer = bench.method.optimizer(model, recipe)
    # Made ahead, so that what is counted is the steps.
    batches = cycle(list(islice(bench.training_batches(), bench.trial.measure.speed_steps)))

    def work() -> int:
        batch = next(batches)
        step(model, batch, bench.kind.loss, optimizer, recipe)
        return len(batch["labels"])

    return work


def _requests(bench: Workbench, model: TaskModel) -> Callable[[], int]:
    """Requests of the first shape."""
    size = bench.trial.measure.batch_sizes[0]
    requests = bench.requests(size)

    @torch.inference_mode()
    def work() -> int:
        model(**requests)
        return size

    return work
