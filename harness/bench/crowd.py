"""What a sweep itself costs, trial by trial: ten thousand whose phases end at once.

Identity, claims, marks, parts, records and progress are real; a stand-in takes the place of the
processes. A few hundred real ones that do nothing tell what a process adds.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from harness import entry, runner
from harness.bench.stand_in import Clocked, StandIn, Trivial
from harness.bench.trials import composed
from harness.config import RunConfig, TrialConfig
from harness.sources import with_sources
from harness.sweep import run_sweep

TRIALS, EDGE = 10_000, 1000
FEW, REPEATS = 10, 5
FORKED = 300
JOBS = 1000
OVERRIDES = ("method=bitfit", "model=bert_tiny", "device=cpu")

WITHIN = 50.0
"""Milliseconds of a trial, from the command line to its record."""
FLAT = 1.2
"""How many times as long the last trials may take as the first, and beside others as alone."""
SOON = 2.0
"""Seconds until `harness.status` has told."""


def run(trials: int = TRIALS, edge: int = EDGE, forked: int = FORKED, jobs: int = JOBS) -> Any:
    """Milliseconds per trial, of the first and the last `edge`, beside others, and in processes."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        config, settings = composed(OVERRIDES, place / "crowd")
        compose_ms = _ms_to_compose(jobs, place)
        before = time.process_time()
        clock, seconds = _swept(_seeds(config, trials), settings, StandIn)
        cpu_seconds = time.process_time() - before
        first, last = _edges(clock, edge)
        alone, beside = _few(config, trials, settings)
        status_s = median(_status_seconds(settings.results) for _ in range(3))
        search = replace(config, stage="search")  # one phase
        clock, _ = _swept(_seeds(search, forked), _elsewhere(settings, "forked"), Trivial)
        starts = clock.started["train"]
        process = median(b - a for a, b in itertools.pairwise(starts))
    ms = compose_ms + 1000 * seconds / trials
    within = ms <= WITHIN and status_s <= SOON
    return {
        "trials": trials,
        "ms_per_trial": ms,
        "compose_ms": compose_ms,
        "cpu_ms": 1000 * cpu_seconds / trials,
        "first_ms": first,
        "last_ms": last,
        "last_over_first": last / first,
        "few_alone_s": alone,
        "few_beside_s": beside,
        "beside_over_alone": beside / alone,
        "status_s": status_s,
        "process_ms": 1000 * process,
        "holds": within and last <= FLAT * first and beside <= FLAT * alone,
    }


def lines(result: dict[str, Any]) -> list[str]:
    verdict = "holds" if result["holds"] else "FAILS"
    return [
        f"{result['trials']:,} trials         {result['ms_per_trial']:.1f} ms each, of which"
        f" {result['compose_ms']:.1f} ms to compose its config;"
        f" {result['cpu_ms']:.1f} ms of a processor to run it",
        f"first and last        {result['first_ms']:.1f} ms and {result['last_ms']:.1f} ms,"
        f" {result['last_over_first']:.2f} times as long",
        f"{FEW} trials beside them {result['few_beside_s']:.2f} s, alone"
        f" {result['few_alone_s']:.2f} s, {result['beside_over_alone']:.2f} times as long",
        f"status                {result['status_s']:.2f} s",
        f"a process of its own  {result['process_ms']:.0f} ms per phase",
        f"{verdict}: at most {WITHIN:.0f} ms each, status in {SOON:.0f} s,"
        f" nothing more than {FLAT} times as long",
    ]


def _seeds(config: TrialConfig, number: int, start: int = 0) -> list[TrialConfig]:
    return [replace(config, seed=seed) for seed in range(start, start + number)]


def _elsewhere(settings: RunConfig, name: str) -> RunConfig:
    return replace(settings, results=settings.results.with_name(name))


def _swept(
    configs: Sequence[TrialConfig], settings: RunConfig, processes: Callable[..., Any]
) -> tuple[Clocked, float]:
    """When phases of a sweep were started, and the seconds that it took."""
    clock = Clocked()
    with patch.object(runner, "Processes", partial(processes, clock=clock)), _silence():
        started = time.perf_counter()
        records = run_sweep(configs, settings)
        seconds = time.perf_counter() - started
    if bad := [record for record in records if record["status"] != "ok"]:
        raise RuntimeError(f"{len(bad)} trials did not end well: {bad[0]['reason']}")
    return clock, seconds


def _edges(clock: Clocked, edge: int) -> tuple[float, float]:
    """Milliseconds of each of the first and of the last trials, trained and then measured."""
    passes = [clock.started[phase] for phase in ("plan", "memory")]
    first = sum(starts[edge] - starts[0] for starts in passes)
    last = sum(starts[-1] - starts[-1 - edge] for starts in passes)
    return 1000 * first / edge, 1000 * last / edge


def _few(config: TrialConfig, trials: int, settings: RunConfig) -> tuple[float, float]:
    """Seconds of a small sweep in a folder of its own, and in one that holds the others."""
    took: dict[str, list[float]] = {"alone": [], "crowd": []}
    for turn in range(REPEATS):
        configs = _seeds(config, FEW, trials + FEW * turn)
        for name, seconds in took.items():
            own = name if name == "crowd" else f"{name}-{turn}"
            seconds.append(_swept(configs, _elsewhere(settings, own), StandIn)[1])
    return median(took["alone"]), median(took["crowd"])


def _status_seconds(results: Path) -> float:
    started = time.perf_counter()
    command = [sys.executable, "-m", "harness.status", f"results={results}"]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def _ms_to_compose(jobs: int, place: Path) -> float:
    """From the command line to a checked config, per job of a sweep over seeds."""
    swept = [f"seed=range({jobs})", f"results={place / 'composed'}"]
    with patch.object(sys, "argv", ["harness", "-m", *OVERRIDES, *swept]):
        started = time.perf_counter()
        found = [with_sources(cfg) for cfg in entry.asked("config").configs]
    assert len(found) == jobs
    return 1000 * (time.perf_counter() - started) / jobs


@contextmanager
def _silence() -> Iterator[None]:
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield
