"""`python -m harness.report`: the page from a folder of records."""

from __future__ import annotations

import sys
from pathlib import Path

from omegaconf import DictConfig

from harness import entry
from harness.report.page import build


def command(cfgs: list[DictConfig]) -> int:
    """Write the page of each config and say where it is."""
    for cfg in cfgs:
        print(f"report: {build(Path(cfg.results), Path(cfg.out)).absolute().as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(entry.run(command, "report"))
