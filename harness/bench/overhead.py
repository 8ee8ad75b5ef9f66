"""What the harness costs on top of the work: a trial against a bare loop that does the same."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from harness.bench.trials import records
from harness.isolation import run_alone

AT_MOST = 1.10
PAIRS = 2
TRIAL = (
    "sweep=quick",
    "method=lora",
    "size=8",
    "train.steps=150",
    "train.batch_size=16",
    "model=minilm",
    "jobs=1",
    # A bare loop has no counterpart to these.
    "measure.capacity=null",
    "measure.forgetting=null",
    "measure.serving=null",
    "measure.new_tokens=null",
    "measure.energy_seconds=null",
)


def run() -> dict[str, Any]:
    """Seconds of trials and of bare loops in turn, in processes of one warm fork server.

    The trial's seconds are those of the whole sweep that runs it: check, every phase, record.
    """
    ratios, seconds, same = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        records([["sweep=smoke", "method=bitfit"]], Path(folder) / "warm")
        for pair in range(PAIRS):
            results = Path(folder) / str(pair)
            started = time.perf_counter()
            (record,) = records([TRIAL], results)
            trial_seconds = time.perf_counter() - started
            bare = _bare(results, record)
            seconds.append((trial_seconds, bare["seconds"]))
            ratios.append(trial_seconds / bare["seconds"])
            same.append(bare["quality"] == record["quality"]["value"])
    ratio = sum(trial for trial, _ in seconds) / sum(loop for _, loop in seconds)
    return {
        "trial_s": [trial for trial, _ in seconds],
        "bare_s": [loop for _, loop in seconds],
        "ratios": ratios,
        "trial_over_bare": ratio,
        "same_quality": all(same),
        "holds": ratio <= AT_MOST and all(same),
    }


def lines(result: dict[str, Any]) -> list[str]:
    verdict = "holds" if result["holds"] else "FAILS"
    each = ", ".join(f"{ratio:.3f}" for ratio in result["ratios"])
    same = "the same quality" if result["same_quality"] else "ANOTHER quality"
    return [
        f"trial {_seconds(result['trial_s'])}, bare loop {_seconds(result['bare_s'])}, {same}",
        f"trial / bare loop {result['trial_over_bare']:.3f} ({each})  "
        f"{verdict}: at most {AT_MOST:.2f}",
    ]


def _seconds(values: list[float]) -> str:
    return " and ".join(f"{value:.1f} s" for value in values)


def _bare(results: Path, record: dict[str, Any]) -> dict[str, Any]:
    arguments = {"record": record, "folder": str(results / record["trial"])}
    started = time.perf_counter()
    value = run_alone(
        "the bare loop", "harness.bench.bare:run", arguments, results / "bare.log", 3600
    )
    return {**value, "seconds": time.perf_counter() - started}
