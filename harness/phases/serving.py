"""Serve several adapters on one base: memory, switching, and batches of several adapters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from harness.measure.latency import Subjects, Timing, interleaved
from harness.measure.placement import leave_file, share_weights
from harness.measure.serving import answered_by, held_bytes, throughput
from harness.methods.serving import REFUSALS, Adapters, NotServable, told
from harness.models import TaskModel
from harness.training import Batch
from harness.workbench import Workbench

# Adapters that take more than this together are not loaded, but counted as what each one takes.
LOADED_BYTES = 1 << 30

NOTHING: dict[str, Any] = {
    "adapters": None, "bytes_per_adapter": None, "switch": None, "loaded": None,
    "batch_size": None, "requests_per_s": None, "mixed_over_one_at_a_time": None,
    "mixed_over_merged": None, "one_at_a_time_over_merged": None,
    "mixed_max_abs_difference": None, "stable": None, "reason": None,
}  # fmt: skip


def run(bench: Workbench) -> dict[str, Any]:
    try:
        return {"serving": {**NOTHING, **_measured(bench)}}
    except NotServable as reason:
        return {"serving": {**NOTHING, "reason": str(reason)}}


def _measured(bench: Workbench) -> dict[str, Any]:
    settings = bench.trial.measure.serving
    assert settings is not None
    requests = bench.requests(settings.batch_size)
    full = _full_model_bytes(bench)
    alone, refusal = _alone(bench, requests)
    model = bench.restored()
    leave_file(model)
    adapters = bench.method.serve(model.backbone)
    one = held_bytes(model.backbone, adapters.tensors())
    adapters.add()
    each = held_bytes(model.backbone, adapters.tensors()) - one
    most = max(2, 1 + LOADED_BYTES // each)
    rows, served, switch = [], None, None
    for count in (counts := sorted(settings.adapters)):
        while adapters.count < min(count, most):
            adapters.add()
        row = {
            "adapters": count,
            "bytes": one + (count - 1) * each,
            "full_models_bytes": count * full,
            "loaded": adapters.count >= count,
            "allocated_bytes": None,
            "switch_ms": None,
        }
        if count > 1 or len(counts) == 1:
            switch = _switch_times(bench, adapters)
        if adapters.count == count:
            row["bytes"] = held_bytes(model.backbone, adapters.tensors())
            row["allocated_bytes"] = _allocated(bench)
            row["switch_ms"] = switch["median_ms"] if switch else None
        rows.append(row)
        if served is None and (adapters.count >= settings.batch_size or count == counts[-1]):
            served = _served(bench, model, adapters, requests, alone, refusal)
    assert served is not None
    return {"adapters": rows, "bytes_per_adapter": each, "switch": switch, **served}


def _full_model_bytes(bench: Workbench) -> int:
    base = bench.base()
    leave_file(base)
    return held_bytes(base.backbone)


@torch.inference_mode()
def _answers(model: TaskModel, requests: Batch, **named: Any) -> Tensor:
    return model.features(**requests, **named)


def _alone(bench: Workbench, requests: Batch) -> tuple[Tensor, str | None]:
    """What adapters 0 and 1 answer in models that hold one adapter, [2, requests, width].

    And the reason, if there is one, why a batch of several adapters is refused. It is asked of
    this model, since peft leaves hooks behind in one that has refused.
    """
    model = bench.restored()
    adapters = bench.method.serve(model.backbone)
    first = _answers(model, requests)
    adapters.become(1)
    answers = torch.stack([first, _answers(model, requests)])
    adapters.add()
    owners = [row % 2 for row in range(len(first))]
    try:
        _answers(model, requests, **adapters.mixed(owners))
    except REFUSALS as error:
        return answers, told(error)
    return answers, None


def _served(
    bench: Workbench,
    model: TaskModel,
    adapters: Adapters,
    requests: Batch,
    alone: Tensor,
    refusal: str | None,
) -> dict[str, Any]:
    """Throughput of every way to serve the same requests, their answers checked first."""
    rows = len(alone[0])
    owners = [row % adapters.count for row in range(rows)]
    single = [{name: tensor[row : row + 1] for name, tensor in requests.items()} for row in
              range(rows)]  # fmt: skip
    _check_switching(model, adapters, requests, alone)
    difference = None
    if refusal is None:
        difference, refusal = _mixed_difference(model, adapters, requests, owners)

    def one_at_a_time() -> None:
        for owner, request in zip(owners, single, strict=True):
            adapters.switch(owner)
            model(**request)

    subjects: dict[str, Callable[[], object]] = {
        "same": partial(model, **requests),
        "one_at_a_time": one_at_a_time,
    }
    if refusal is None:
        subjects["mixed"] = partial(model, **requests, **adapters.mixed(owners))
    merged = bench.merged_copy()
    if merged is not None:
        leave_file(merged)
        share_weights(model, [merged])
        subjects["merged"] = partial(merged, **requests)
    return {
        "loaded": adapters.count,
        "batch_size": rows,
        **throughput(_times(bench, subjects), rows),
        "mixed_max_abs_difference": difference,
        "reason": refusal,
    }


def _check_switching(model: TaskModel, adapters: Adapters, requests: Batch, alone: Tensor) -> None:
    """Raise NotServable unless the first answers after a switch are those of the adapter alone."""
    for number in (0, 1, 0):
        adapters.switch(number)
        try:
            found = _answers(model, requests)
        except REFUSALS as error:
            raise NotServable(f"switched to another adapter, it fails: {told(error)}") from error
        if not answered_by(found, alone, [number] * len(found)):
            raise NotServable(
                f"switched to adapter {number} of {adapters.count}, the model does not answer as"
                " the one that has this adapter alone"
            )


def _mixed_difference(
    model: TaskModel, adapters: Adapters, requests: Batch, owners: list[int]
) -> tuple[float | None, str | None]:
    """How far a mixed batch is off what each adapter answers by itself, or why it is wrong."""
    answers = []
    for number in range(max(owners) + 1):
        adapters.switch(number)
        answers.append(_answers(model, requests))
    right = torch.stack([answers[owner][row] for row, owner in enumerate(owners)])
    found = _answers(model, requests, **adapters.mixed(owners))
    if not answered_by(found, torch.stack(answers), owners):
        return None, "the library answers requests of such a batch with another's adapter"
    return (found.double() - right.double()).abs().max().item(), None


def _switch_times(bench: Workbench, adapters: Adapters) -> dict[str, Any]:
    """Milliseconds of a switch between the first and the last adapter, to and fro."""
    at_work = 0

    def switch() -> None:
        nonlocal at_work
        at_work = adapters.count - 1 - at_work
        adapters.switch(at_work)

    figures = _times(bench, {"switch": switch}).figures()
    return {"adapters": adapters.count, **figures["switch"], "stable": figures["stable"]}


def _times(bench: Workbench, subjects: Subjects) -> Timing:
    settings = bench.trial.measure
    assert settings.serving is not None
    with torch.inference_mode():
        return interleaved(
            subjects,
            seconds=settings.serving.seconds,
            rounds=settings.serving.rounds,
            warmups=settings.warmups,
            seed=bench.trial.seed,
            synchronize=bench.device.synchronize,
        )


def _allocated(bench: Workbench) -> int | None:
    """Bytes that a device's allocator holds now; it keeps no count on a CPU."""
    bench.device.reset_peaks()
    return bench.device.peaks().allocated
