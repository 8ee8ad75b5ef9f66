"""Planned peaks against real ones: every shipped method on two models, in several shapes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from transformers.utils import logging

from harness import entry
from harness.bench.actual import actual_inference, actual_training, save_base
from harness.columns import aligned
from harness.errors import ConfigError
from harness.plan.predict import counted, enough_layers, inference_peak, training_peak
from harness.plan.request import Request, request_of

MODELS = (("minilm", "classification"), ("smollm2", "classification"), ("smollm2", "language"))
SHAPES = ((1, 96), (4, 32), (8, 64))  # texts, tokens of each
SIZE = 8
MEDIAN, WORST = 0.02, 0.05
SHOWN = 5


def run() -> dict[str, Any]:
    """Errors of all plans, predicted over measured less one, and the worst of them."""
    warnings.simplefilter("ignore")
    logging.disable_progress_bar()
    found = []
    for model, objective in MODELS:
        with TemporaryDirectory() as folder:
            for request in _requests(model, objective):
                found += list(_compared(request, Path(folder)))
    errors = [abs(each["error"]) for each in found]
    return {
        "plans": found,
        "median": median(errors),
        "worst": max(errors),
        "holds": median(errors) <= MEDIAN and max(errors) <= WORST,
    }


def lines(result: dict[str, Any]) -> list[str]:
    worst = sorted(result["plans"], key=lambda each: -abs(each["error"]))[:SHOWN]
    rows = [
        [
            f"{each['method']} on {each['model']}, {each['objective']}",
            f"{each['batch_size']} x {each['seq_len']}",
            each["peak"],
            f"{each['measured'] / 2**20:.1f} MiB",
            f"{each['error']:+.3%}",
        ]
        for each in worst
    ]
    verdict = "holds" if result["holds"] else "FAILS"
    exact = sum(each["error"] == 0 for each in result["plans"])
    return [
        f"{len(result['plans'])} peaks, {exact} to the byte, median {result['median']:.3%},"
        f" worst {result['worst']:.3%}",
        *aligned(rows),
        f"{verdict}: median at most {MEDIAN:.0%}, worst at most {WORST:.0%}",
    ]


def shipped() -> list[str]:
    """The methods that are compared."""
    return sorted(path.stem for path in (entry.CONF / "method").glob("*.yaml"))


def _requests(model: str, objective: str) -> Iterator[Request]:
    for name in shipped():
        for batch, length in SHAPES:
            overrides = [f"method={name}", f"model={model}", f"size={SIZE}", "device=cpu"]
            shape = [f"batch_size={batch}", f"seq_len={length}", f"objective={objective}"]
            yield request_of(
                entry.compose([*overrides, *shape, "dtype=float32"], config_name="plan")
            )


def _compared(request: Request, folder: Path) -> Iterator[dict[str, Any]]:
    if not (folder / "base").exists():
        save_base(request, folder)
    try:
        depths = enough_layers(request, counted(request))
    except ConfigError:  # the method is not defined for the model
        return
    for peak, planned, actual in (
        ("training", training_peak, actual_training),
        ("inference", inference_peak, actual_inference),
    ):
        predicted = planned(request, depths).total
        measured = actual(request, folder).total
        yield {
            "model": request.model.name,
            "objective": request.objective,
            "method": request.method.name,
            "batch_size": request.train.batch_size,
            "seq_len": request.seq_len,
            "peak": peak,
            "predicted": predicted,
            "measured": measured,
            "error": predicted / measured - 1,
        }
