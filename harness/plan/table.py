"""Many plans of one model as a table, and the page that shows what fits where."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from harness.analysis.fit_table import ArithmeticRow, FitRow, FitTable, Settings
from harness.analysis.fits import smallest_card
from harness.analysis.numbers import GIB
from harness.columns import aligned
from harness.config import TrainConfig, trial_config
from harness.entry import compose
from harness.errors import ConfigError
from harness.isolation import Processes, Task
from harness.plan.answer import Answer
from harness.plan.request import Request

TIMEOUT = 600  # seconds for one plan
FIGURES = (
    "trainable_parameters",
    "adapter_file_bytes",
    "train_peak_bytes",
    "inference_peak_bytes",
)
# What everybody says of a model of 7 billion parameters, AdamW in mixed precision: 2 bytes for a
# weight, 2 for its gradient, 8 for its two moments in float32.
QUOTED = ArithmeticRow(
    "quoted for 7B",
    14 * 10**9,
    14 * 10**9,
    56 * 10**9,
    None,
    84 * 10**9,
    "2 bytes per weight, 2 per gradient, 8 of optimizer state, before any activations;"
    " torch's AdamW holds its moments as it holds the weights",
)
PRECISIONS: tuple[tuple[str, Literal["float32", "bfloat16"], bool, str], ...] = (
    ("bfloat16", "bfloat16", False, "weights, gradients and AdamW's moments in bfloat16"),
    ("mixed", "float32", True, "all of these in float32, products of a step in bfloat16"),
    ("float32", "float32", False, "everything in float32"),
)
SEVEN_BILLION = "llama2_7b"
QUOTED_SHAPE = (1, 512)


def answers(requests: Sequence[Request], log: Path) -> list[Answer]:
    """What is predicted of each, in order, as many at once as there are cores.

    A plan that fails gives {"error": reason}.
    """
    cores = len(os.sched_getaffinity(0))
    processes = Processes(threads=1)
    waiting = {str(number): asdict(request) for number, request in enumerate(requests)}
    found: dict[str, Answer] = {}
    try:
        while waiting or len(processes):
            while waiting and len(processes) < cores:
                key = next(iter(waiting))
                arguments = {"request": waiting.pop(key)}
                call = "harness.plan.answer:of_plain"
                processes.start(Task(key, call, arguments, log, 1, TIMEOUT))
            outcome = processes.wait()
            ok = outcome.status == "ok"
            found[outcome.key] = outcome.value if ok else {"error": str(outcome.reason)}
    finally:
        processes.stop()
    return [found[str(number)] for number in range(len(requests))]


def arithmetic_requests(device: Literal["cpu", "cuda"]) -> list[Request]:
    """Full fine-tuning of a model of 7 billion parameters, in each precision."""
    trial = trial_config(compose(["method=full", f"model={SEVEN_BILLION}"]))
    batch, length = QUOTED_SHAPE
    return [
        Request(
            model=replace(trial.model, dtype=dtype),
            method=trial.method,
            train=replace(trial.train, batch_size=batch, autocast=autocast),
            seq_len=length,
            device=device,
        )
        for _, dtype, autocast, _ in PRECISIONS
    ]


def check(requests: Sequence[Request]) -> None:
    """Raise ConfigError for plans that are not of one table."""
    models = sorted({request.model.name for request in requests})
    if len(models) > 1:
        raise ConfigError("model", ",".join(models), "a table is of one model")
    if len({repr(_kind(request)) for request in requests}) > 1:
        expected = "a table differs in method, its options, size, batch_size and seq_len alone"
        raise ConfigError("plan", "-m", expected)


def fit_table(
    requests: Sequence[Request], found: Sequence[Answer], added_up: Sequence[Answer] = ()
) -> FitTable:
    """The plans as tables and pages take them; `added_up` answers `arithmetic_requests`."""
    totals = [each["total_parameters"] for each in found if "error" not in each]
    arithmetic = map(_added_up, PRECISIONS, added_up)
    return FitTable(
        model=requests[0].model.name,
        parameters=min(totals, default=0),
        settings=_settings(requests[0]),
        rows=tuple(map(_row, requests, found)),
        arithmetic=(QUOTED, *arithmetic) if added_up else (),
    )


def lines(table: FitTable) -> list[str]:
    """A line per plan, for people."""
    head = ["method", "batch", "trained", "file", "train GiB", "answer GiB", "trains on a card of"]
    rows = [head]
    for row in table.rows:
        shape = f"{row.batch_size} x {row.seq_len}"
        if row.error is not None:
            rows.append([row.label, shape, "", "", "", "", row.error])
            continue
        peaks = [
            f"{(peak or 0) / GIB:.1f}" for peak in (row.train_peak_bytes, row.inference_peak_bytes)
        ]
        counts = [f"{row.trainable_parameters:,}", f"{row.adapter_file_bytes:,}"]
        rows.append([row.label, shape, *counts, *peaks, card(table, row.train_peak_bytes)])
    return aligned(rows)


def card(table: FitTable, peak: int | None) -> str:
    """The smallest card that a peak in bytes fits on, in words."""
    found = smallest_card(table, peak)
    return f"{found} GiB" if found else f"more than {max(table.cards)} GiB"


def _kind(request: Request) -> Request:
    train = replace(request.train, batch_size=1, accumulation=1, learning_rate=1.0)
    return replace(request, method=None, sources={}, seq_len=1, train=train)  # type: ignore[arg-type]


def _row(request: Request, found: Answer) -> FitRow:
    method = request.method
    row = FitRow(
        method=method.name,
        family=method.family,
        size=method.size,
        size_field=method.size_field,
        batch_size=request.train.batch_size,
        seq_len=request.seq_len,
    )
    if "error" in found:
        return replace(row, error=found["error"])
    # The size is the answer's where a budget chose it.
    figures = {name: found[name] for name in ("size", *FIGURES)}
    return replace(row, **figures, **found["components"])


def _settings(request: Request) -> Settings:
    train = request.train
    added = "float32" if train.adapters_in_float32 else request.model.dtype
    dtype = f"base in {request.model.dtype}, what is added in {added}"
    if train.autocast:
        dtype = "weights in float32, products in bfloat16"
    return Settings(
        dtype=dtype,
        optimizer=_optimizer(train),
        checkpointing="on" if train.gradient_checkpointing else "off",
        devices=_devices(request.devices),
    )


def _devices(number: int) -> str:
    return "one" if number == 1 else f"one of {number}, fully sharded"


def _optimizer(train: TrainConfig) -> str:
    parts = f", batch in {train.accumulation} parts" if train.accumulation > 1 else ""
    return train.optimizer + parts


def _added_up(precision: tuple[str, str, bool, str], found: Answer) -> ArithmeticRow:
    name, _, _, note = precision
    batch, length = QUOTED_SHAPE
    return ArithmeticRow(
        f"planned, {name}",
        **found["components"],
        total=found["train_peak_bytes"],
        note=f"{note}; batch {batch} of {length} tokens, AdamW",
    )
