"""What a sweep saves: twelve short trials together against a program run for each."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.store import read_json

METHODS = ("lora", "ia3", "bitfit", "pfeiffer", "prompt_tuning", "head")
SEEDS = (0, 1)
AT_LEAST = 2.0


def run() -> dict[str, Any]:
    """Seconds of both, the imports of both included, and whether all qualities are the same."""
    trials = [
        ["sweep=smoke", "size=4", f"method={method}", f"seed={seed}", "jobs=2"]
        for seed in SEEDS
        for method in METHODS
    ]
    with tempfile.TemporaryDirectory() as folder:
        together, apart = Path(folder) / "together", Path(folder) / "apart"
        # A program of its own, so that it pays for its imports as the others do.
        lists = {"method": ",".join(METHODS), "seed": ",".join(map(str, SEEDS))}
        swept = [f"{name}={values}" for name, values in lists.items()]
        arguments = ["-m", "sweep=smoke", "size=4", "jobs=2", *swept, f"results={together}"]
        started = time.perf_counter()
        _program(arguments)
        sweep_seconds = time.perf_counter() - started
        started = time.perf_counter()
        for trial in trials:
            _program([*trial, f"results={apart}"])
        apart_seconds = time.perf_counter() - started
        qualities = [_qualities(place) for place in (together, apart)]
    ratio = apart_seconds / sweep_seconds
    same = qualities[0] == qualities[1] and len(qualities[0]) == len(trials)
    return {
        "trials": len(trials),
        "sweep_s": sweep_seconds,
        "apart_s": apart_seconds,
        "apart_over_sweep": ratio,
        "same_qualities": same,
        "holds": same and ratio >= AT_LEAST,
    }


def lines(result: dict[str, Any]) -> list[str]:
    verdict = "holds" if result["holds"] else "FAILS"
    same = "identical" if result["same_qualities"] else "DIFFERENT"
    return [
        f"one sweep              {result['sweep_s']:.0f} s",
        f"{result['trials']} programs in turn    {result['apart_s']:.0f} s, {same} qualities",
        f"{result['apart_over_sweep']:.1f} times as long  {verdict}: at least {AT_LEAST:.0f} times",
    ]


def _program(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "harness", *arguments]
    subprocess.run(command, check=True, capture_output=True)


def _qualities(results: Path) -> dict[str, float]:
    found = {path.parent.name: read_json(path) for path in results.glob("*/record.json")}
    return {trial: record["quality"]["value"] for trial, record in found.items() if record}
