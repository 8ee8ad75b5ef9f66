"""Invented records that keep to the schema, for what reads records and runs no trial.

The figures imitate a small encoder on two threads; nothing may be concluded from them.
"""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.store import flat

MIB = 2**20
EXAMPLES = 1000

# method: family, size field, quality, trainable adapter parameters, training MiB, unmerged ratio.
METHODS: dict[str, tuple[str, str | None, float, float, float, float]] = {
    "full": ("full", None, 0.781, 22_713_216, 463, 1.0),
    "head": ("head", None, 0.718, 0, 97, 1.0),
    "lora": ("low_rank", "rank", 0.776, 9_216, 214, 1.17),
    "houlsby": ("bottleneck", "bottleneck_dim", 0.779, 9_312, 203, 1.11),
    "pfeiffer": ("bottleneck", "bottleneck_dim", 0.771, 4_656, 189, 1.06),
    "prompt_tuning": ("prompt", "num_virtual_tokens", 0.726, 384, 226, 1.13),
    "prefix_tuning": ("prompt", "num_virtual_tokens", 0.744, 4_608, 207, 1.09),
    "ia3": ("rescale", None, 0.737, 13_824, 182, 1.08),
    "bitfit": ("selective", None, 0.757, 52_608, 171, 1.0),
}
IN_PLACE = ("full", "head", "bitfit")
MERGEABLE = ("lora", "ia3")
ENVIRONMENT = {
    "python": "3.11.7",
    "torch": "2.13.0",
    "transformers": "5.3.0",
    "peft": "0.21.2",
    "harness": "0.1.0",
    "commit": "0123456789abcdef",
    "dirty": False,
    "platform": "Linux-6.1-x86_64",
    "cpu": "Invented CPU @ 2.0 GHz",
    "cores": 2,
    "threads": 2,
    "load": 0.4,
    "gpu": None,
    "governor": None,
    "started": "2026-01-02T03:04:05Z",
    "seconds": 31.0,
}


def trial_id(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def record(
    method: str = "lora",
    size: int | None = 8,
    seed: int = 0,
    model: str = "minilm",
    task: str = "rotten_tomatoes",
    **changes: Any,
) -> dict[str, Any]:
    """A finished trial. `changes` are dotted keys with double underscores: quality__value=0.7."""
    name = method if method in METHODS else "lora"
    family, field, quality, adapter, peak, ratio = METHODS[name]
    size = size if field else None
    noise = np.random.default_rng(int(trial_id(method, size, seed, task), 16))
    quality += 0.006 * np.log2((size or 8) / 8) if size else 0.0
    quality = float(np.clip(quality + noise.normal(0, 0.004), 0, 1))
    trained = int(adapter * (size or 1)) if field else int(adapter)
    ratio = ratio + float(noise.normal(0, 0.003))
    merged = 1.0 + float(noise.normal(0, 0.003)) if name in MERGEABLE else None
    weights = 86.7 * MIB
    made = {
        "schema": 4,
        "trial": trial_id(method, size, seed, model, task, sorted(changes.items())),
        "status": "ok",
        "reason": None,
        "phase": "done",
        "model": model,
        "task": task,
        "method": method,
        "family": family,
        "size": size,
        "size_field": field,
        "seed": seed,
        "stage": "final",
        "origin": None,
        "config": {
            "model": {"name": model, "pooling": "mean"},
            "task": {"name": task, "metric": "accuracy", "max_length": 64},
            "method": {"name": method, "options": {field: size} if field else {}},
            "train": {"steps": 100, "batch_size": 16, "learning_rate": 2e-3},
            "measure": {"latency_rounds": 60, "batch_sizes": [1, 16]},
            "seed": seed,
        },
        "parameters": {
            "trainable": trained + 770,
            "adapter": trained,
            "head": 770,
            "total": 22_713_986 + trained,
            "share": (trained + 770) / (22_713_986 + trained),
            "file_bytes": 4 * trained + 4300,
        },
        "quality": {
            "metric": "accuracy",
            "higher_is_better": True,
            "value": quality,
            "ci_low": quality - 0.026,
            "ci_high": quality + 0.025,
            "n": EXAMPLES,
            "validation": quality + 0.004,
            "after_merge": quality if merged else None,
            "majority": 0.561,
        },
        "memory": {
            "train": _peak((peak + (size or 0) * 0.6) * MIB)
            | {
                "weights": int(weights + (4 * trained if family != "full" else 0)),
                "gradients": 4 * trained + 3080,
                "optimizer": 8 * trained + 6160,
                "activations": int(peak * MIB - weights - min(12 * trained, 260 * MIB)),
            },
            "inference": _peak(96 * MIB + 4 * trained)
            | {
                "weights": int(weights + (4 * trained if family != "full" else 0)),
                "gradients": 0,
                "optimizer": 0,
                "activations": int(96 * MIB - weights) + (4 * trained if family == "full" else 0),
            },
            "load": _peak(88 * MIB),
            "unpredicted": None,
        },
        "latency": _latency(1, 32, ratio, merged)
        | {"batch": _latency(16, 32, ratio - 0.02, merged)},
        "training": {
            "examples_per_s": 80.0 / ratio,
            "tokens_per_s": 2000.0 / ratio,
            "seconds": 20.0 * ratio,
            "steps": 100,
            "learning_rate": 2e-3,
            "final_loss": 0.5,
        },
        "merge": {
            "mergeable": name in MERGEABLE,
            "reason": _unmergeable(name),
            "max_abs_logit_difference": 1e-6 if merged else None,
            "seconds": 0.1 if merged else None,
        },
        "capacity": None,
        "forgetting": None,
        "serving": None,
        "energy": None,
        "environment": dict(ENVIRONMENT),
    }
    for key, value in changes.items():
        change(made, key, value)
    return made


def change(made: dict[str, Any], key: str, value: Any) -> None:
    """Set `quality__value` and its like; a whole group may be set to None."""
    *groups, last = key.split("__")
    place = made
    for group in groups:
        place = place[group]
    place[last] = value


def failed(
    status: str = "failed", reason: str = "CUDA ran away", **identity: Any
) -> dict[str, Any]:
    """A trial that ended before anything was measured."""
    made = record(**identity, status=status, reason=reason, phase="train")
    groups = ("parameters", "quality", "memory", "latency", "training", "merge")
    return made | dict.fromkeys(groups)


def predicted(made: dict[str, Any], train: float, inference: float) -> dict[str, Any]:
    """The record with peaks that were predicted as so many times what was measured."""
    for name, times in (("train", train), ("inference", inference)):
        peak = made["memory"][name]
        peak["predicted"] = round(times * peak["allocated_peak"])
    return made


def skipped(needs: float = 9.1, **identity: Any) -> dict[str, Any]:
    """A trial that was left out, since the plan says that it needs so many GiB."""
    reason = f"needs {needs} GiB by the plan; max_memory is 8 GiB"
    made = failed("skipped", reason, **identity)
    return made | {"phase": "check", "memory": {"train": {"predicted": int(needs * 2**30)}}}


def quick(seeds: tuple[int, ...] = (0,), sizes: tuple[int, ...] = (4, 16), **changes: Any) -> list:
    """A sweep of all methods, two sizes where there is one."""
    return [
        record(method, size, seed, **deepcopy(changes))
        for seed in seeds
        for method, (_, field, *_) in METHODS.items()
        for size in (sizes if field else (None,))
    ]


def outcomes(made: dict[str, Any], n: int = EXAMPLES) -> dict[str, Any]:
    """Outcomes whose mean is the record's accuracy; hard examples are hard for all methods."""
    difficulty = np.random.default_rng(7).random(n)
    own = np.random.default_rng(int(made["trial"], 16)).normal(0, 0.08, n)
    right = round(made["quality"]["value"] * n)
    correct = np.zeros(n, dtype=int)
    correct[np.argsort(difficulty + own)[:right]] = 1
    ids = [f"test-{index}" for index in range(n)]
    return {"metric": "accuracy", "ids": ids, "scores": correct.tolist()}


def write(results: Path, records: list[dict[str, Any]], with_outcomes: bool = True) -> Path:
    """Lay the records out as a sweep does."""
    for made in records:
        folder = results / made["trial"]
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(json.dumps(made))
        if with_outcomes and made["quality"] and made["quality"]["value"] is not None:
            (folder / "outcomes.json").write_text(json.dumps(outcomes(made)))
    results.mkdir(exist_ok=True)
    return results


def frame(records: list[dict[str, Any]]) -> pd.DataFrame:
    """The table of the records, without anything beside them."""
    return pd.DataFrame([flat({k: v for k, v in r.items() if k != "config"}) for r in records])


def _peak(peak: float) -> dict[str, Any]:
    return {
        "allocated_peak": int(peak),
        "reserved_peak": None,
        "process_peak": int(peak + 400 * MIB),
        "predicted": None,
        "source": "cpu live tensors",
    }


def timing(median: float) -> dict[str, Any]:
    return {"median_ms": median, "iqr_ms": 0.2, "n": 60, "cold_ms": 2 * median, "p90_ms": None}


def paired_ratio(value: float | None) -> dict[str, float] | None:
    return (
        None
        if value is None
        else {"value": value, "ci_low": value - 0.006, "ci_high": value + 0.006}
    )


def _latency(batch: int, tokens: int, unmerged: float, merged: float | None) -> dict[str, Any]:
    base = 5.1 * (1 + 0.6 * (batch - 1))
    return {
        "shape": {"batch_size": batch, "sequence_length": tokens},
        "base": timing(base),
        "unmerged": timing(base * unmerged),
        "merged": None if merged is None else timing(base * merged),
        "unmerged_over_base": paired_ratio(unmerged),
        "merged_over_base": paired_ratio(merged),
        "stable": True,
    }


def _unmergeable(name: str) -> str | None:
    if name in MERGEABLE:
        return None
    return "trained in place" if name in IN_PLACE else "its modules are not linear in the weights"
