"""Records by the thousand: one real record, told over for every shipped method, size and recipe.

The figures are invented: drawn about the record's own. Nothing may be concluded from them but how
long it takes to read them and how large their page is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from copy import deepcopy
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from harness import entry
from harness.store import RECORD

SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
RATES = (5e-5, 1e-4, 2e-4, 3e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2, 2e-2)
STEPS = (100, 300, 1000)
EXAMPLES = 1000
MERGED = ("low_rank", "rescale")
IN_PLACE = ("full", "head", "selective")
TIMED = ("unmerged", "merged", "unmerged_over_base", "merged_over_base")

Record = dict[str, Any]


def real_record() -> Record:
    """The record that the documentation shows: everything measured."""
    text = (entry.CONF.parent / "docs" / RECORD).read_text(encoding="utf-8")
    return dict(json.loads(text))


def many(configurations: int, seeds: int, model: str, task: str) -> Iterator[Record]:
    """The records of one study; the same arguments give the same records."""
    first = real_record()
    for method, size, rate, steps in islice(_settings(), configurations):
        for seed in range(seeds):
            yield _told_over(first, model, task, method, size, rate, steps, seed)


def write(results: Path, made: Iterator[Record]) -> int:
    """Lay them out as a sweep does, outcomes beside them; returns how many there were."""
    number = 0
    for record in made:
        folder = results / record["trial"]
        folder.mkdir(parents=True)
        (folder / RECORD).write_text(json.dumps(record, indent=1))
        (folder / "outcomes.json").write_text(json.dumps(_outcomes(record), indent=1))
        number += 1
    return number


def _settings() -> Iterator[tuple[Record, int | None, float, int]]:
    """Every method at every size, then the same under the next recipe."""
    files = sorted((entry.CONF / "method").glob("*.yaml"))
    methods = [OmegaConf.to_container(OmegaConf.load(file), resolve=False) for file in files]
    for steps, rate in product(STEPS, RATES):
        for method in methods:
            assert isinstance(method, dict)
            for size in SIZES if method.get("size_field") else (None,):
                yield {str(k): v for k, v in method.items()}, size, rate, steps


def _told_over(
    first: Record,
    model: str,
    task: str,
    method: Record,
    size: int | None,
    rate: float,
    steps: int,
    seed: int,
) -> Record:
    name, family = method["name"], method["family"]
    trial = hashlib.sha256(repr((model, task, name, size, rate, steps, seed)).encode()).hexdigest()
    draw = np.random.default_rng(int(trial[:16], 16))
    # Drawn for the configuration alone, so that its seeds agree but for noise.
    own = np.random.default_rng(
        int(hashlib.sha256(repr((name, size)).encode()).hexdigest()[:8], 16)
    )
    made = deepcopy(first)
    made |= {"trial": trial[:16], "model": model, "task": task, "method": name, "family": family}
    made |= {"size": size, "size_field": method.get("size_field"), "seed": seed}
    config = made["config"]
    config["model"]["name"], config["task"]["name"], config["seed"] = model, task, seed
    config["method"] |= {k: method[k] for k in ("name", "family", "implementation")}
    config["method"] |= {"size_field": made["size_field"], "options": {made["size_field"]: size}}
    config["train"] |= {"steps": steps, "learning_rate": rate}
    made["training"] |= {"steps": steps, "learning_rate": rate}

    trained = 0 if family == "head" else int(own.integers(300, 9000)) * (size or 8)
    share = trained / first["parameters"]["adapter"]
    parameters = {"trainable": trained + 770, "adapter": trained, "file_bytes": 4 * trained + 4096}
    made["parameters"] |= parameters
    quality = 0.7 + 0.06 * float(own.random()) + 0.01 * float(np.log10(1 + trained))
    quality -= 0.01 * abs(float(np.log10(rate / 1e-3))) + float(draw.normal(0, 0.004))
    right = round(quality * EXAMPLES)
    made["quality"] |= _around(right / EXAMPLES, 0.026) | {"n": EXAMPLES}
    made["quality"] |= {"validation": quality + 0.004, "after_merge": right / EXAMPLES}

    peak = made["memory"]["train"]
    for part in ("gradients", "optimizer", "activations"):
        peak[part] = int(peak[part] * (0.6 + 0.4 * share + 0.2 * float(own.random())))
    parts = ("weights", "gradients", "optimizer", "activations")
    peak["allocated_peak"] = sum(peak[part] for part in parts)
    peak["predicted"] = int(peak["allocated_peak"] * draw.normal(1, 0.01))

    ratio = 1.0 if family in IN_PLACE else 1.05 + 0.4 * float(own.random())
    for latency in (made["latency"], made["latency"]["batch"]):
        latency["unmerged_over_base"] = _around(ratio * float(draw.normal(1, 0.003)), 0.012)
        latency["merged_over_base"] = _around(float(draw.normal(1, 0.003)), 0.012)
        if family not in MERGED:
            latency |= {"merged": None, "merged_over_base": None}
    if family not in MERGED:
        reason = "trained in place" if family in IN_PLACE else "its modules are not linear"
        made["merge"] |= {"mergeable": False, "reason": reason, "max_abs_logit_difference": None}
        made["quality"]["after_merge"] = None
    made["training"]["examples_per_s"] *= float(draw.normal(1, 0.02)) / ratio
    bits = 30_000 * (1 - float(np.exp(-share))) * float(draw.normal(1, 0.02))
    made["capacity"] |= {"bits": bits, "ci_low": 0.95 * bits, "ci_high": 1.05 * bits}
    made["capacity"] |= {"parameters": trained, "bits_per_parameter": bits / max(trained, 1)}
    made["forgetting"]["increase"] = _around(0.05 * float(own.normal(1, 1)), 0.05)
    made["serving"]["bytes_per_adapter"] = 4 * trained
    if family not in ("low_rank", "prompt"):
        mixed = {"mixed": None}
        made["serving"]["requests_per_s"] |= mixed
        made["serving"] |= {"mixed_over_one_at_a_time": None, "mixed_over_merged": None}
        made["serving"]["reason"] = "peft has no batches of several adapters for this type"
    return made


def _around(value: float, half: float) -> dict[str, float]:
    return {"value": value, "ci_low": value - half, "ci_high": value + half}


def _outcomes(record: Record) -> dict[str, Any]:
    """As many right as the record says; hard examples are hard for all methods."""
    difficulty = np.random.default_rng(7).random(EXAMPLES)
    own = np.random.default_rng(int(record["trial"], 16)).normal(0, 0.08, EXAMPLES)
    correct = np.zeros(EXAMPLES, dtype=int)
    correct[np.argsort(difficulty + own)[: round(record["quality"]["value"] * EXAMPLES)]] = 1
    ids = [hashlib.sha256(str(place).encode()).hexdigest()[:16] for place in range(EXAMPLES)]
    return {"metric": "accuracy", "ids": ids, "scores": correct.tolist()}
