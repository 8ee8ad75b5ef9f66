"""What a trial will need, at the shapes at which its memory is measured."""

from __future__ import annotations

import traceback
from dataclasses import replace
from typing import Any

from harness.errors import told
from harness.plan.predict import counted, enough_layers, inference_peak, training_peak
from harness.plan.request import OBJECTIVES, Request
from harness.training import Batch
from harness.workbench import Workbench


def predicted(bench: Workbench) -> dict[str, Any]:
    """The `predicted` fields of the record's memory, in bytes; null with a reason beside them.

    A prediction that fails is no failure of the trial, which may still run.
    """
    train = inference = reason = None
    try:
        longest = _request(bench, bench.longest_batch())
        depths = enough_layers(longest, counted(longest))
        train = training_peak(longest, depths).total
        requests = bench.requests(max(bench.trial.measure.batch_sizes))
        inference = inference_peak(_request(bench, requests), depths).total
    except Exception as error:
        traceback.print_exc()
        reason = told(error)
    return {
        "train": {"predicted": train},
        "inference": {"predicted": inference},
        "load": {"predicted": None},  # a loader's way through files is not followed
        "unpredicted": reason,
    }


def _request(bench: Workbench, batch: Batch) -> Request:
    size, length = batch["input_ids"].shape
    trial = bench.trial
    objective = OBJECTIVES[trial.task.kind]
    answers = batch["labels"] if objective == "answers" and "labels" in batch else None
    return Request(
        model=trial.model,
        method=trial.method,
        train=replace(trial.train, batch_size=size, devices=1),
        seq_len=length,
        objective=objective,
        classes=bench.kind.outputs,
        answer_len=1 if answers is None else answers.shape[1],
        padded=not bool(batch["attention_mask"].all()),
        device=trial.device,
        sources={source.task.name: source.method for source in trial.sources},
    )
