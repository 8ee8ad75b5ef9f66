"""`python -m harness`: one trial, or with -m a sweep; here, or handed to a launcher."""

from __future__ import annotations

import sys

from omegaconf import DictConfig

from harness import command, entry
from harness.config import run_config
from harness.launching import launch


def here(cfgs: list[DictConfig]) -> int:
    """Run the trials that the configs describe; 0 when all of them ended well or were left out."""
    return command.tell(command.run(cfgs), run_config(cfgs[0]).results)


def main() -> int:
    return entry.run(here, launch=launch)


if __name__ == "__main__":
    sys.exit(main())
