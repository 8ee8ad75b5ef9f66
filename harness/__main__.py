"""`python -m harness`: one trial, or with -m a sweep."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from harness import entry
from harness.budget import with_sizes
from harness.checked import from_plain
from harness.config import TrialConfig, run_config
from harness.progress import name_of
from harness.search import run_searched
from harness.search_config import search_config
from harness.sources import with_sources
from harness.store import RECORD, STATUSES

WELL = ("ok", "skipped", "trained", "left")


def command(cfgs: list[DictConfig]) -> int:
    """Run the trials that the configs describe; 0 when all of them ended well or were left out."""
    run = run_config(cfgs[0])
    configs = [with_sources(cfg) for cfg in with_sizes(cfgs, run)]
    records = run_searched(configs, search_config(cfgs[0]), run)
    for record in records:
        if record["status"] not in WELL:
            name = name_of(from_plain(TrialConfig, record["config"]))
            print(f"{record['status']}: {name}: {record['reason']}", file=sys.stderr)
    trials: list[dict[str, Any]] = [
        {
            "trial": record["trial"],
            "status": record["status"],
            "record": _path(run.results, record),
        }
        for record in records
    ]
    print(json.dumps({"trials": trials}))
    return 0 if all(record["status"] in WELL for record in records) else 1


def _path(results: Path, record: dict[str, Any]) -> str | None:
    """Where the record lies; None for a trial that is not over."""
    return str(results / record["trial"] / RECORD) if record["status"] in STATUSES else None


def main() -> int:
    return entry.run(command)


if __name__ == "__main__":
    sys.exit(main())
