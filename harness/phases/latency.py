"""Time base, unmerged and merged in the same rounds; the first shape leads."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from harness.measure.environment import environment
from harness.measure.latency import Subjects, interleaved
from harness.measure.placement import Places
from harness.methods import NotMergeable
from harness.models import TaskModel
from harness.store import write_json
from harness.workbench import Workbench


def run(bench: Workbench) -> dict[str, Any]:
    models = {"base": bench.base(), "unmerged": bench.restored()}
    merged, seconds = _merged(bench)
    if merged is not None:
        models["merged"] = merged
    settings = bench.trial.measure
    places = Places(models, bench.device.name, bench.trial.seed)
    requests = {f"batch_size={size}": bench.requests(size) for size in settings.batch_sizes}

    def subjects(placed: Mapping[str, TaskModel]) -> Subjects:
        return {
            f"{shape}/{name}": partial(model, **batch)
            for shape, batch in requests.items()
            for name, model in placed.items()
        }

    def renewed() -> Subjects:
        placed = places.models()
        for model in placed.values():
            model(**next(iter(requests.values())))  # what is new is cold
        return subjects(placed)

    of_shape = {shape: {f"{shape}/{name}": name for name in models} for shape in requests}
    with torch.inference_mode():
        timing = interleaved(
            subjects(places.models()),
            seconds=settings.latency_seconds,
            rounds=settings.latency_rounds,
            warmups=settings.warmups,
            seed=bench.trial.seed,
            apart=[list(names) for names in of_shape.values()],
            renew=renewed if places.renew else None,
            synchronize=bench.device.synchronize,
        )
    timings = {shape: timing.part(names) for shape, names in of_shape.items()}
    absent = {"merged": None, "merged_over_base": None}
    shapes = [
        {
            "shape": {"batch_size": size, "sequence_length": settings.sequence_length},
            **absent,
            **own.figures(),
        }
        for size, own in zip(settings.batch_sizes, timings.values(), strict=True)
    ]
    samples = {shape: own.samples for shape, own in timings.items()}
    content = {"unit": "ns", "samples": samples, "blocks": timing.blocks}
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
