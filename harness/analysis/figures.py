"""The figures of an entry: their names, and where a record holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from harness.analysis.estimate import Estimate, unknown

Row = Mapping[str, Any]
"""A record with dotted keys and no nulls."""

SERVED = (1, 10, 100)
"""Adapters on one base whose memory is compared with as many full models."""

FIGURES = {
    "quality": "quality",
    "validation": "quality.validation",
    "after_merge": "quality.after_merge",
    "trainable": "parameters.trainable",
    "adapter": "parameters.adapter",
    "share": "parameters.share",
    "file_bytes": "parameters.file_bytes",
    "merge_error": "merge.max_abs_logit_difference",
    "capacity_parameters": "capacity.parameters",
    "capacity_ceiling": "capacity.ceiling_bits",
    "forgetting": "forgetting.increase",
    "loss_before": "forgetting.before",
    "loss_after": "forgetting.after",
    "loss_adapter_off": "forgetting.adapter_off",
    "mixed_error": "serving.mixed_max_abs_difference",
}
# Bits have their interval beside them, and may be no more than a lower bound.
BITS = {"capacity": "capacity.bits", "bits_per_parameter": "capacity.bits_per_parameter"}
MEMORY = {
    "train_memory": "memory.train.allocated_peak",
    "inference_memory": "memory.inference.allocated_peak",
    "weights": "memory.train.weights",
    "gradients": "memory.train.gradients",
    "optimizer": "memory.train.optimizer",
    "activations": "memory.train.activations",
    "adapter_bytes": "serving.bytes_per_adapter",
    **{f"served_{n}": f"serving.adapters.{n}.bytes" for n in SERVED},
    **{f"full_models_{n}": f"serving.adapters.{n}.full_models_bytes" for n in SERVED},
}
TIMES = {
    "unmerged": "latency.unmerged_over_base",
    "merged": "latency.merged_over_base",
    "unmerged_batch": "latency.batch.unmerged_over_base",
    "merged_batch": "latency.batch.merged_over_base",
    "base_ms": "latency.base.median_ms",
    "unmerged_ms": "latency.unmerged.median_ms",
    "merged_ms": "latency.merged.median_ms",
    "prefill_unmerged": "latency.generation.prefill_unmerged_over_base",
    "decode_unmerged": "latency.generation.decode_unmerged_over_base",
    "prefill_merged": "latency.generation.prefill_merged_over_base",
    "decode_merged": "latency.generation.decode_merged_over_base",
    "examples_per_s": "training.examples_per_s",
    "step_ms": "training.seconds_per_step.median_ms",
    "switch_ms": "serving.switch.median_ms",
    "merged_per_s": "serving.requests_per_s.merged",
    "same_per_s": "serving.requests_per_s.same",
    "mixed_per_s": "serving.requests_per_s.mixed",
    "one_at_a_time_per_s": "serving.requests_per_s.one_at_a_time",
    "mixed_over_one_at_a_time": "serving.mixed_over_one_at_a_time",
    "mixed_over_merged": "serving.mixed_over_merged",
    "one_at_a_time_over_merged": "serving.one_at_a_time_over_merged",
    "training_joules": "energy.training_joules_per_example",
    "base_joules": "energy.base_joules_per_request",
    "unmerged_joules": "energy.unmerged_joules_per_request",
    "merged_joules": "energy.merged_joules_per_request",
}


def estimate(row: Row, column: str, obstacle: str = "") -> Estimate:
    """What a record says under a column, with the bounds below it; an obstacle withholds it.

    Where it says nothing, the reason is the one that the column's group gives, if any.
    """
    of_interval, low, high = _interval(column)
    value = row.get(of_interval, row.get(column))
    if value is None:
        return unknown(_reason(row, column))
    if obstacle:
        return unknown(obstacle)
    return Estimate(float(value), row.get(low), row.get(high))


def _reason(row: Row, column: str) -> str:
    """From the innermost group that gives one, inside it or, where it is null, beside it."""
    return next((str(row[name]) for name in _reasons(column) if name in row), "not recorded")


@cache
def _interval(column: str) -> tuple[str, str, str]:
    return f"{column}.value", f"{column}.ci_low", f"{column}.ci_high"


@cache
def _reasons(column: str) -> tuple[str, ...]:
    """Where a reason may stand, innermost first."""
    groups = column.split(".")[:-1]
    found = []
    while groups:
        group = ".".join(groups)
        found += [f"{group}.reason", f"{group}_reason"]
        groups.pop()
    return tuple(found)


def bits(row: Row, column: str) -> Estimate:
    """Bits held; more of them than were tried may fit where nearly all that was tried did."""
    found = estimate(row, column)
    if not found.known:
        return found
    found = replace(found, at_least=row.get("capacity.at_ceiling") is True)
    if column != BITS["capacity"]:
        return found
    return replace(found, low=row.get("capacity.ci_low"), high=row.get("capacity.ci_high"))
