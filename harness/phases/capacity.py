"""Fit random labels with the method's own parameters, and count the bits that they hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from harness.isolation import Failure
from harness.measure import parameters
from harness.measure.capacity import ReadOut, Targets, at_ceiling, draw, fit, total
from harness.measure_config import CapacityConfig
from harness.models import TaskModel
from harness.workbench import Workbench

NOTHING_TRAINED = "the method trains nothing of the model, and the read-out is fixed"

WORSE = "after the last step the answers are worse than uniform ones"


@dataclass(frozen=True)
class _Fit:
    """What one learning rate came to."""

    learning_rate: float
    parameters: int
    per_sequence: NDArray[np.float64]
    """Bits."""
    reason: str | None = None
    """Why it holds nothing."""


def run(bench: Workbench) -> dict[str, Any]:
    settings, seed = bench.trial.measure.capacity, bench.trial.seed
    assert settings is not None
    budget = asdict(settings)
    del budget["rates"]  # what they came to is in `tried`
    vocabulary = len(bench.tokenizer)
    targets = draw(vocabulary, settings.sequences, settings.tokens, settings.classes, seed)
    known = {"ceiling_bits": targets.ceiling, "budget": budget}
    if not bench.method.trains_by_steps:
        return {"capacity": {**_NONE, **known}}
    targets = targets.to(bench.trial.device)
    fits = [_fit(bench, targets, settings, multiple) for multiple in settings.rates]
    best = max(fits, key=lambda fit: fit.per_sequence.sum())
    bits = total(best.per_sequence, seed)
    tried = [
        {
            "learning_rate": fit.learning_rate,
            "bits": total(fit.per_sequence, seed).value,
            "reason": fit.reason,
        }
        for fit in fits
    ]
    found = {
        "bits": bits.value,
        "ci_low": bits.ci_low,
        "ci_high": bits.ci_high,
        "bits_per_parameter": bits.value / best.parameters,
        "parameters": best.parameters,
        "at_ceiling": at_ceiling(bits.value, targets),
        "learning_rate": best.learning_rate,
        "tried": tried,
        "reason": best.reason,
    }
    return {"capacity": {**found, **known}}


_NONE: dict[str, Any] = {
    "bits": 0.0,
    "ci_low": 0.0,
    "ci_high": 0.0,
    "bits_per_parameter": None,
    "parameters": 0,
    "at_ceiling": False,
    "learning_rate": None,
    "tried": [],
    "reason": NOTHING_TRAINED,
}


def _fit(bench: Workbench, targets: Targets, settings: CapacityConfig, multiple: float) -> _Fit:
    backbone = bench.fresh_backbone()
    read_out = ReadOut(bench.width(backbone), targets.classes, bench.trial.seed)
    model = TaskModel(backbone, read_out, pooling=None).to(bench.trial.device)
    _without_dropout(model)
    recipe = replace(
        bench.trial.train,
        steps=settings.steps,
        batch_size=settings.batch_size,
        learning_rate=multiple * bench.trial.train.learning_rate,
        weight_decay=0.0,  # which is there to make it forget
        accumulation=1,  # its batches are small
        devices=1,
    )
    optimizer = bench.method.optimizer(model, recipe)
    trained = parameters.count(model, read_out).trainable
    try:
        found, reason = fit(model, targets, optimizer, recipe, bench.trial.seed), None
    except Failure as failure:
        found, reason = np.zeros(len(targets.labels)), str(failure)
    if found.sum() < 0:
        reason = WORSE
    return _Fit(recipe.learning_rate, trained, found, reason)


def _without_dropout(model: nn.Module) -> None:
    """Set `model` so that what is fitted is what is read."""
    model.eval()
    for module in model.modules():
        # In four bits, and for inference on a CPU, it is repacked into what has no gradient.
        if isinstance(module, nn.Linear):
            module.train()
