"""What `python -m harness` does: composed configs are run, and their records told."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from harness.budget import with_sizes
from harness.checked import from_plain
from harness.config import TrialConfig, run_config
from harness.entry import compose
from harness.progress import name_of
from harness.search import run_searched
from harness.search_config import search_config
from harness.sources import with_sources
from harness.store import RECORD, STATUSES

WELL = ("ok", "skipped", "trained", "left")


def run(cfgs: Sequence[DictConfig]) -> list[dict[str, Any]]:
    """Run the trials that the configs describe; their records. Raises ConfigError or AssetError."""
    settings = run_config(cfgs[0])
    configs = [with_sources(cfg) for cfg in with_sizes(cfgs, settings)]
    return run_searched(configs, search_config(cfgs[0]), settings)


def run_trial(*overrides: str) -> dict[str, Any]:
    """Run one trial from Python, as `python -m harness` would with these overrides.

    Returns its record. The calling script needs the usual `if __name__ == "__main__":`, since
    each phase runs in a process of its own. Raises ConfigError or AssetError.

    >>> run_trial("method=lora", "size=8", "task=rotten_tomatoes")  # doctest: +SKIP
    """
    return run([compose(overrides)])[0]


def tell(records: Sequence[dict[str, Any]], results: Path) -> int:
    """Print a line for what did not end well, and one JSON object; returns the exit code."""
    for record in records:
        if record["status"] not in WELL:
            name = name_of(from_plain(TrialConfig, record["config"]))
            print(f"{record['status']}: {name}: {record['reason']}", file=sys.stderr)
    trials: list[dict[str, Any]] = [
        {
            "trial": record["trial"],
            "status": record["status"],
            "record": _path(results, record),
        }
        for record in records
    ]
    print(json.dumps({"trials": trials}))
    return 0 if all(record["status"] in WELL for record in records) else 1


def _path(results: Path, record: dict[str, Any]) -> str | None:
    """Where the record lies; None for a trial that is not over."""
    return str(results / record["trial"] / RECORD) if record["status"] in STATUSES else None
