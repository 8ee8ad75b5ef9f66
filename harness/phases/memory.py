"""Weigh loading, inference and training, each in passes of its own."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from harness.compiling import as_written
from harness.measure import memory
from harness.training import step
from harness.workbench import Workbench


def run(bench: Workbench) -> dict[str, Any]:
    model, load_peak = memory.load(bench.device, bench.restored)
    requests = bench.requests(max(bench.trial.measure.batch_sizes))
    inference_peak = memory.inference(bench.device, partial(model, **requests), model)
    del model  # training is weighed without it
    peaks = {"train": _training_peak(bench), "inference": inference_peak, "load": load_peak}
    return {"memory": {phase: asdict(peak) for phase, peak in peaks.items()}}


def _training_peak(bench: Workbench) -> memory.Memory:
    model, recipe = bench.fresh(), bench.trial.train
    optimizer = bench.method.optimizer(model, recipe)
    longest = bench.longest_batch()

    def one_step() -> None:
        step(model, longest, bench.kind.loss, optimizer, recipe)

    with as_written():  # a ledger of tensors does not see what compiled code holds
        return memory.training(bench.device, one_step, model, optimizer)
