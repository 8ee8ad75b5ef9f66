"""What is predicted, as plain values for programs and as lines for people."""

from __future__ import annotations

import io
import time
import warnings
from contextlib import redirect_stderr
from dataclasses import asdict
from typing import Any

from harness.columns import aligned
from harness.errors import ConfigError
from harness.plan.request import Request

GIB = 2**30
PARTS = ("weights", "gradients", "optimizer", "activations")


def answer(request: Request) -> dict[str, Any]:
    """The prediction under the names of the contract; raises ConfigError.

    `components` are those of the training peak, and `seconds` what predicting took.
    """
    started = time.perf_counter()
    # What libraries say of kernels that they do without is of no use to a plan.
    with redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from harness.plan.predict import predict

        try:
            plan = predict(request)
        except ConfigError:
            raise
        except Exception as error:
            told = f"{type(error).__name__}: {error}".partition("\n")[0]
            expected = f"cannot be planned on {request.model.name}: {told}"
            raise ConfigError("method", request.method.name, expected) from error
    train, inference = asdict(plan.train), asdict(plan.inference)
    return {
        "model": request.model.name,
        "method": request.method.name,
        "size": request.method.size,
        "trainable_parameters": plan.parameters.trainable,
        "total_parameters": plan.parameters.total,
        "adapter_file_bytes": plan.file_bytes,
        "train_peak_bytes": train["total"],
        "inference_peak_bytes": inference["total"],
        "components": {part: train[part] for part in PARTS},
        "inference_components": {part: inference[part] for part in PARTS},
        "seconds": round(time.perf_counter() - started, 2),
    }


def lines(request: Request, found: dict[str, Any]) -> list[str]:
    """The same as a table."""
    trained, total = found["trainable_parameters"], found["total_parameters"]
    head = ["GiB", "peak", *PARTS]
    rows = [
        [name, *(f"{value / GIB:.2f}" for value in (found[f"{key}_peak_bytes"], *parts.values()))]
        for name, key, parts in (
            ("training", "train", found["components"]),
            ("inference", "inference", found["inference_components"]),
        )
    ]
    return [
        f"{trained:,} of {total:,} parameters trained ({trained / total:.3%})",
        f"adapter file of {found['adapter_file_bytes']:,} bytes",
        *aligned([head, *rows]),
    ]
