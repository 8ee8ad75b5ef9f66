"""How soon a trial works: the fork server's processes against fresh interpreters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from harness import assets
from harness.bench.trials import composed
from harness.checked import from_plain
from harness.config import TrialConfig
from harness.isolation import run_alone

LATER, FRESH = 7, 3
WITHIN = 0.5  # seconds
FUNCTION = "harness.bench.startup:first_step"


def first_step(config: dict[str, Any]) -> dict[str, Any]:
    """Load tokenizer and model, adapt it, and go forward and backward once."""
    import torch

    from harness.methods import load_method
    from harness.models import load_backbone, load_tokenizer

    trial = from_plain(TrialConfig, config)
    tokens = torch.randint(len(load_tokenizer(trial.model)), (1, 16))
    model = load_method(trial.method).adapt(load_backbone(trial.model))
    model(input_ids=tokens).last_hidden_state.sum().backward()
    return {}


def run() -> dict[str, Any]:
    """Seconds from the order to start a process to the end of its first step."""
    with tempfile.TemporaryDirectory() as folder:
        trial, _ = composed(["method=lora", "model=minilm"], Path(folder))
        assets.fetch(trial.model.source, "model.source")
        arguments = {"config": trial.as_dict()}
        threads = len(os.sched_getaffinity(0))
        first, *later = _forked(arguments, Path(folder))
        fresh = [_fresh(arguments, threads) for _ in range(FRESH)]
    return {
        "first_s": first,
        "later_s": median(later),
        "fresh_s": median(fresh),
        "fresh_over_later": median(fresh) / median(later),
        "holds": median(later) <= WITHIN,
    }


def lines(result: dict[str, Any]) -> list[str]:
    verdict = "holds" if result["holds"] else "FAILS"
    return [
        f"first trial of a sweep {result['first_s']:.2f} s",
        f"every later one        {result['later_s']:.2f} s  {verdict}: at most {WITHIN} s",
        f"fresh interpreter      {result['fresh_s']:.2f} s  "
        f"{result['fresh_over_later']:.1f} times as long",
    ]


def _forked(arguments: dict[str, Any], folder: Path) -> list[float]:
    seconds = []
    for number in range(1 + LATER):
        started = time.perf_counter()
        run_alone(f"first step {number}", FUNCTION, arguments, folder / "log", 600)
        seconds.append(time.perf_counter() - started)
    return seconds


def _fresh(arguments: dict[str, Any], threads: int) -> float:
    code = (
        "import json, sys, harness.preloaded, harness.bench.startup as s; "
        "s.first_step(**json.loads(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, json.dumps(arguments)]
    started = time.perf_counter()
    # The same threads, which the libraries read when they are imported.
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - started
