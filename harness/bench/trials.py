"""Trials as the benches run them: composed as on the command line, in a folder of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.config import RunConfig, TrialConfig, run_config
from harness.entry import compose
from harness.sources import with_sources
from harness.sweep import run_sweep


def composed(overrides: Sequence[str], results: Path) -> tuple[TrialConfig, RunConfig]:
    cfg = compose([*overrides, f"results={results}"])
    return with_sources(cfg), run_config(cfg)


def records(overrides: Sequence[Sequence[str]], results: Path) -> list[dict[str, Any]]:
    """The records of a sweep over trials; raises RuntimeError for one that did not end well."""
    made = [composed(each, results) for each in overrides]
    found = run_sweep([trial for trial, _ in made], made[0][1])
    for record in found:
        if record["status"] != "ok":
            raise RuntimeError(f"{record['method']}: {record['status']}: {record['reason']}")
    return found
