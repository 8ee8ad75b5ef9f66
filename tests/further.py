"""What trials measure beside quality, memory and latency, invented for the records of `records`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests import records

BUDGET = {"sequences": 128, "tokens": 16, "classes": 256, "steps": 48, "batch_size": 32}


def measured(made: dict[str, Any]) -> dict[str, Any]:
    """The record with what trials measure beside quality, memory and latency, too."""
    name, trained = made["method"], made["parameters"]["trainable"]
    ratio = made["latency"]["unmerged_over_base"]["value"]
    steps = made["training"]["steps"]
    floor, quality = records.METHODS["head"][2] + 0.004, made["quality"]["validation"]
    further = {
        "capacity": _capacity(trained - 770),
        "forgetting": _forgetting(name, trained),
        "serving": _serving(name, made["parameters"]["adapter"], ratio),
        "energy": {
            "source": None,
            "reason": "no counter of energy is readable here",
            "idle_watts": None,
            "training_joules_per_example": None,
            "base_joules_per_request": None,
            "unmerged_joules_per_request": None,
            "merged_joules_per_request": None,
        },
        "training": made["training"]
        | {
            "seconds_per_step": {"median_ms": 200.0 * ratio, "iqr_ms": 9.0, "n": 10},
            "stable": True,
            "curve": [
                {"step": step, "validation": floor + (quality - floor) * (2 * step / steps - 1)}
                for step in (10, 30, 50, 70, 100)
            ],
        },
        "environment": made["environment"]
        | {
            "busy": False,
            "phases": {
                phase: {
                    "seconds": 9.0,
                    "threads": 2,
                    "load": 0.4,
                    "other_cores": 0.03,
                    "stolen_cores": 0.0,
                    "busy": False,
                }
                for phase in ("train", "memory", "latency", "speed", "capacity", "serving")
            },
        },
    }
    return made | further


def generation(prefill: float, decode: float) -> dict[str, Any]:
    """What latency tells of a generator: unmerged ratios as given, merged as the base."""

    def times(by: float) -> dict[str, Any]:
        return {"prefill": records.timing(20.0 * by), "decode_per_token": records.timing(8.0 * by)}

    return {
        "prompt_tokens": 32,
        "new_tokens": 16,
        "base": times(1.0),
        "unmerged": times(max(prefill, decode)),
        "merged": times(1.0),
        "prefill_unmerged_over_base": records.paired_ratio(prefill),
        "decode_unmerged_over_base": records.paired_ratio(decode),
        "prefill_merged_over_base": records.paired_ratio(1.0),
        "decode_merged_over_base": records.paired_ratio(1.0),
        "stable": True,
    }


def _capacity(trained: int) -> dict[str, Any]:
    """More bits with more parameters until the test is full; none without a parameter."""
    ceiling = 128 * 16 * 8.0
    if not trained:
        return {
            "bits": 0.0,
            "ci_low": 0.0,
            "ci_high": 0.0,
            "bits_per_parameter": None,
            "parameters": 0,
            "ceiling_bits": ceiling,
            "at_ceiling": False,
            "learning_rate": None,
            "tried": [],
            "reason": "the method trains nothing of the model, and the read-out is fixed",
            "budget": dict(BUDGET),
        }
    bits = ceiling * (1 - float(np.exp(-6 * trained**0.6 / ceiling)))
    return {
        "bits": bits,
        "ci_low": 0.95 * bits,
        "ci_high": 1.05 * bits,
        "bits_per_parameter": bits / trained,
        "parameters": trained,
        "ceiling_bits": ceiling,
        "at_ceiling": bits > 0.9 * ceiling,
        "learning_rate": 2e-3,
        "tried": [{"learning_rate": rate, "bits": bits * rate / 2e-3} for rate in (1e-3, 2e-3)],
        "reason": None,
        "budget": dict(BUDGET),
    }


def _forgetting(name: str, trained: int) -> dict[str, Any]:
    before = 2.31
    increase = 0.0 if name == "head" else 0.004 * float(np.log2(trained / 1000))
    return {
        "objective": "masked tokens",
        "before": before,
        "after": before + increase,
        "adapter_off": None if name in records.IN_PLACE else before,
        "increase": {
            "value": increase,
            "ci_low": increase - 0.012 if increase else 0.0,
            "ci_high": increase + 0.012 if increase else 0.0,
        },
        "n": 900,
        "texts": 64,
        "reason": "trained in place: nothing to switch off" if name in records.IN_PLACE else None,
    }


def _serving(name: str, adapter: int, ratio: float) -> dict[str, Any]:
    if name in records.IN_PLACE:
        return dict.fromkeys(
            ("adapters", "bytes_per_adapter", "switch", "batch_size", "requests_per_s",
             "mixed_over_one_at_a_time", "mixed_over_merged", "one_at_a_time_over_merged",
             "mixed_max_abs_difference", "stable")
        ) | {"reason": "it changes the base's own weights"}  # fmt: skip
    mixes = name == "lora"
    per_s = {
        "merged": 900.0 if name in records.MERGEABLE else None,
        "same": 900.0 / ratio,
        "mixed": 600.0 if mixes else None,
        "one_at_a_time": 250.0 / ratio,
    }

    def over(first: str, second: str) -> dict[str, float] | None:
        a, b = per_s[first], per_s[second]
        return None if a is None or b is None else records.paired_ratio(a / b)

    base, own = 87 * records.MIB, 4 * adapter
    return {
        "adapters": [
            {"adapters": n, "bytes": base + n * own, "full_models_bytes": n * base}
            for n in (1, 10, 100)
        ],
        "bytes_per_adapter": own,
        "switch": {"median_ms": 0.6, "iqr_ms": 0.05, "n": 40},
        "batch_size": 8,
        "requests_per_s": per_s,
        "mixed_over_one_at_a_time": over("mixed", "one_at_a_time"),
        "mixed_over_merged": over("mixed", "merged"),
        "one_at_a_time_over_merged": over("one_at_a_time", "merged"),
        "mixed_max_abs_difference": 2e-6 if mixes else None,
        "stable": True,
        "reason": None if mixes else "peft has no batches of several adapters for this type",
    }
