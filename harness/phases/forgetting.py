"""Ask the base, the trained model and the same with its adapter off about plain text."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from harness.measure.forgetting import increase, per_token
from harness.methods import NotSwitchable
from harness.models import load_backbone
from harness.plain_text import passages
from harness.pretraining import NoObjective, Objective, own_objective, tokens
from harness.readout import readout_objective
from harness.workbench import Workbench


def run(bench: Workbench) -> dict[str, Any]:
    unknown = dict.fromkeys(
        ("objective", "before", "after", "adapter_off", "increase", "n", "texts", "reason")
    )
    try:
        found = _asked(bench)
    except NoObjective as reason:
        found = {"reason": str(reason)}
    return {"forgetting": {**unknown, **found}}


def _asked(bench: Workbench) -> dict[str, Any]:
    trial, settings = bench.trial, bench.trial.measure.forgetting
    assert settings is not None
    texts = tokens(passages(settings), bench.tokenizer, settings.tokens)
    base = load_backbone(trial.model).to(trial.device).eval()  # type: ignore[arg-type]
    own = own_objective(trial.model, bench.tokenizer, texts, trial.device)
    objective = own or readout_objective(base, texts)
    before = objective.losses(base)
    del base
    adapted = bench.restored_backbone().to(trial.device).eval()
    after = objective.losses(adapted)
    off, reason = _switched_off(bench, adapted, objective)
    counts = objective.questions.counts
    return {
        "objective": objective.name,
        "before": per_token(before, counts),
        "after": per_token(after, counts),
        "adapter_off": None if off is None else per_token(off, counts),
        "increase": asdict(increase(before, after, counts, trial.seed)),
        "n": int(counts.sum()),
        "texts": len(counts),
        "reason": reason,
    }


def _switched_off(
    bench: Workbench, adapted: nn.Module, objective: Objective
) -> tuple[NDArray[np.float64] | None, str | None]:
    """The losses with the adapter off, or why there are none."""
    try:
        with bench.method.switched_off(adapted):
            return objective.losses(adapted), None
    except NotSwitchable as reason:
        return None, str(reason)
