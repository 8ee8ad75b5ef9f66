"""`python -m harness.report`: the page from a folder of records."""

from __future__ import annotations

import sys
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from harness import entry
from harness.analysis.claims import with_own
from harness.errors import ConfigError
from harness.report.page import build


def command(cfgs: list[DictConfig]) -> int:
    """Write the page of each config and say where it is."""
    for cfg in cfgs:
        held = with_own(_files(cfg.claims))
        try:
            page = build(Path(cfg.results), Path(cfg.out), held, cfg.study.model, cfg.study.task)
        except OSError as error:
            expected = f"cannot be written: {error.strerror}"
            raise ConfigError("out", error.filename, expected) from error
        print(f"report: {page.absolute().as_uri()}")
    return 0


def _files(given: object) -> list[str]:
    """One path, several, or none."""
    if given is None:
        return []
    paths = OmegaConf.to_object(given) if OmegaConf.is_list(given) else [given]
    return [str(path) for path in paths]  # type: ignore[union-attr]


if __name__ == "__main__":
    sys.exit(entry.run(command, "report"))
