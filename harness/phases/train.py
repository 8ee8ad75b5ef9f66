"""Load, adapt, train, evaluate; leaves the trained weights and the test outcomes.

A trial of a search leaves neither: it sees the validation split alone.
"""

from __future__ import annotations

import time
from dataclasses import asdict, fields
from functools import partial
from typing import Any

import torch
from numpy.typing import NDArray

from harness.compiling import Compilations
from harness.measure import parameters
from harness.measure.environment import environment
from harness.methods.anatomy import layers
from harness.models import TaskModel, outline
from harness.ranks import leads
from harness.sharding import SpreadTaskModel, spread
from harness.store import write_json
from harness.tasks import look
from harness.tasks.quality import Quality
from harness.training import fit
from harness.workbench import Workbench


def run(bench: Workbench) -> dict[str, Any]:
    model = bench.fresh() if bench.trial.train.devices == 1 else _spread(bench)
    counted = parameters.count(model, model.head)
    training = (
        _train_by_steps(bench, model) if bench.method.trains_by_steps else _fit_head(bench, model)
    )
    final = bench.trial.stage == "final"
    stored, file_bytes = _saved(bench, model) if final else (None, None)
    test = _tested(bench, model) if final else None
    _, validation = bench.score(model, "validation")
    if "curve" in training:
        end = {"step": training["steps"], "validation": validation.value}
        training["curve"].append(end)
    return {
        "parameters": {**asdict(counted), "adapter": stored, "file_bytes": file_bytes},
        "quality": _quality(test, validation),
        "training": training,
        "data": _data(bench) if final else None,
        "environment": environment(bench.device.gpu),
    }


def _data(bench: Workbench) -> dict[str, Any]:
    return look.group(bench.trial.task, bench.data, bench.encoded("train").lengths)


def _spread(bench: Workbench) -> TaskModel:
    """The model over the ranks, of which this process is one."""
    trial = bench.trial
    paths = [layer.path for layer in layers(outline(trial.model))]
    return spread(lambda: bench.fresh("cpu"), paths, trial.device, trial.seed)


def _saved(bench: Workbench, model: TaskModel) -> tuple[int | None, int | None]:
    """(parameters, bytes) of the file that the method leaves, which one of the ranks writes."""
    if isinstance(model, SpreadTaskModel):
        trained = model.trained()
        if not leads():
            return None, None
        model = bench.fresh("cpu")
        model.load_state_dict(trained, strict=False)  # what is frozen is as it was built
    bench.save(model)
    return bench.stored()


def _tested(bench: Workbench, model: TaskModel) -> Quality:
    test, quality = bench.score(model, "test")
    if leads():
        write_json(bench.folder / "outcomes.json", test)
    return quality


def _quality(test: Quality | None, validation: Quality) -> dict[str, Any]:
    """The record's group; without the test split all that it would say is unknown."""
    if test is None:
        unread = dict.fromkeys(field.name for field in fields(Quality))
        metric = {"metric": validation.metric, "higher_is_better": validation.higher_is_better}
        return {**unread, **metric, "validation": validation.value}
    return {**asdict(test), "validation": validation.value}


def _train_by_steps(bench: Workbench, model: TaskModel) -> dict[str, Any]:
    recipe = bench.trial.train
    optimizer = bench.method.optimizer(model, recipe)
    curve: list[dict[str, Any]] = []

    def score(step: int) -> None:
        _, quality = bench.score(model, "validation")
        curve.append({"step": step, "validation": quality.value})

    points = bench.trial.measure.curve_points
    # The end of the curve is scored anyway.
    at = {round(recipe.steps * place / points) for place in range(1, points)} - {0, recipe.steps}
    pauses = {step: partial(score, step) for step in at}
    with Compilations() as compiled:
        log = fit(model, bench.training_batches(), bench.kind.loss, optimizer, recipe, pauses)
    return {
        **(compiled.figures() if recipe.compile else {}),
        "steps": recipe.steps,
        "learning_rate": recipe.learning_rate,
        "seconds": log.seconds,
        "examples": log.examples,
        "tokens": log.tokens,
        "final_loss": log.losses[-1],
        "curve": curve,
    }


def _fit_head(bench: Workbench, model: TaskModel) -> dict[str, Any]:
    """Fit the head to convergence, on features that the frozen backbone gives once."""
    model.eval()
    started = time.perf_counter()
    fitted: list[NDArray[Any]] = []
    for split in ("train", "validation"):
        read = bench.run(lambda batch: bench.kind.read(model, batch), split)
        fitted += [torch.cat(parts).numpy() for parts in zip(*read, strict=True)]
    told = bench.kind.fit_head(model.head, *fitted)
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "examples": len(bench.encoded("train")),
        **told,
    }
