"""What is predicted, as plain values for programs and as lines for people."""

from __future__ import annotations

import io
import time
import warnings
from contextlib import redirect_stderr
from dataclasses import asdict, replace
from typing import Any

from harness.analysis.fit_table import PARTS
from harness.analysis.numbers import GIB
from harness.checked import from_plain
from harness.columns import aligned
from harness.errors import ConfigError, told
from harness.plan.request import Request

Answer = dict[str, Any]


def of(request: Request) -> Answer:
    """The prediction under the names that programs rely on; raises ConfigError.

    Counts, and bytes; `components` are those of the peak of training, and `seconds` what planning
    took.
    """
    started = time.perf_counter()
    # What libraries say of kernels that they do without is of no use to a plan.
    with redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from harness.plan.predict import predict

        try:
            if request.budget is not None:
                from harness.plan.budget import sized  # looks into trials, which takes seconds

                method = sized(request, request.budget)
                request = replace(request, method=method, budget=None)
            plan = predict(request)
        except ConfigError:
            raise
        except Exception as error:  # of any library that is traced
            expected = f"cannot be planned on {request.model.name}: {told(error)}"
            raise ConfigError("method", request.method.name, expected) from error
    train, inference = asdict(plan.train), asdict(plan.inference)
    return {
        "model": request.model.name,
        "method": request.method.name,
        "size": request.method.size,
        "batch_size": request.train.batch_size,
        "seq_len": request.seq_len,
        "trainable_parameters": plan.parameters.trainable,
        "total_parameters": plan.parameters.total,
        "adapter_file_bytes": plan.file_bytes,
        "train_peak_bytes": train["total"],
        "inference_peak_bytes": inference["total"],
        "train_reserved_bytes": plan.train_reserved,
        "components": {part: train[part] for part in PARTS},
        "inference_components": {part: inference[part] for part in PARTS},
        "seconds": round(time.perf_counter() - started, 2),
    }


def of_plain(request: dict[str, Any]) -> Answer:
    """The same from and to plain values, as processes pass them."""
    return of(from_plain(Request, request))


def lines(found: Answer) -> list[str]:
    """An answer for people."""
    trained, total = found["trainable_parameters"], found["total_parameters"]
    rows = [["GiB", "peak", *PARTS]]
    for name, peak, parts in (
        ("training", "train_peak_bytes", "components"),
        ("inference", "inference_peak_bytes", "inference_components"),
    ):
        figures = [found[peak], *found[parts].values()]
        rows.append([name, *(f"{figure / GIB:.2f}" for figure in figures)])
    reserved = found["train_reserved_bytes"]
    kept = [f"training reserves {reserved / GIB:.2f} GiB of torch's allocator"] if reserved else []
    size = "" if found["size"] is None else f" {found['size']}"
    return [
        f"{found['method']}{size} on {found['model']},"
        f" {found['batch_size']} x {found['seq_len']} tokens",
        f"trained: {trained:,} of {total:,} parameters ({trained / total:.3%})",
        f"stored:  a file of {found['adapter_file_bytes']:,} bytes",
        *aligned(rows),
        *kept,
    ]
