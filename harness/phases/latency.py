"""Time base, unmerged and merged in the same rounds; the first shape leads."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import torch

from harness.measure.environment import environment
from harness.measure.latency import Subjects, interleaved
from harness.measure.placement import Places
from harness.methods import NotMergeable
from harness.models import TaskModel
from harness.store import write_json
from harness.training import Batch
from harness.workbench import Workbench


def run(bench: Workbench) -> dict[str, Any]:
    models = {"base": bench.base(), "unmerged": bench.restored()}
    merged, seconds = _merged(bench)
    if merged is not None:
        models["merged"] = merged
    settings = bench.trial.measure
    places = Places(models, bench.device.name, bench.trial.seed)

    def subjects(requests: Batch) -> Subjects:
        return {name: partial(model, **requests) for name, model in places.models().items()}

    shapes = []
    samples, blocks = {}, {}
    for batch_size in settings.batch_sizes:
        requests = bench.requests(batch_size)
        with torch.inference_mode():
            timing = interleaved(
                subjects(requests),
                seconds=settings.latency_seconds,
                rounds=settings.latency_rounds,
                warmups=settings.warmups,
                seed=bench.trial.seed,
                renew=partial(subjects, requests) if places.renew else None,
                synchronize=bench.device.synchronize,
            )
        shape = {"batch_size": batch_size, "sequence_length": settings.sequence_length}
        absent = {"merged": None, "merged_over_base": None}
        shapes.append({"shape": shape, **absent, **timing.figures()})
        samples[f"batch_size={batch_size}"] = timing.samples
        blocks[f"batch_size={batch_size}"] = timing.blocks
    content = {"unit": "ns", "samples": samples, "blocks": blocks}
    write_json(bench.folder / "latency.json", content)
    return {
        "latency": {**shapes[0], "batch": shapes[-1] if len(shapes) > 1 else None},
        "merge": {"seconds": seconds},
        "environment": environment(bench.device.gpu),
    }


def _merged(bench: Workbench) -> tuple[TaskModel | None, float | None]:
    """The merged model and the seconds that merging took, or nothing where it has no such form."""
    model = bench.restored()
    start = time.perf_counter()
    try:
        merged = bench.merged(model)
    except NotMergeable:
        return None, None
    return merged, time.perf_counter() - start
