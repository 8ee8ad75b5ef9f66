"""`python -m harness.recipes`: search what trials of a kind of task and a family of models need."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from harness import entry
from harness.errors import ConfigError, nearest
from harness.recipes import evidence, lengths, searching
from harness.recipes.evidence import Tried
from harness.recipes.page import Found, Own, multiples, page, schedules
from harness.recipes.schedules import of_cell, picked

STAGES = ("rates", "schedules", "defaults", "lengths")
RATES, SCHEDULES, DEFAULTS, LENGTHS = (
    f"{name}.csv" for name in ("evidence", "schedules", "defaults", "lengths")
)


def command(cfgs: list[DictConfig]) -> int:
    """Search each config's cells, write what was found as it comes, then one JSON line."""
    for cfg in cfgs:
        for stage in cfg.stages:
            if stage not in STAGES:
                raise ConfigError("stages", stage, nearest(stage, STAGES))
        Path(cfg.out).mkdir(parents=True, exist_ok=True)
        for cell in _cells(cfg):
            if "rates" in cfg.stages:
                searching.rates(cfg, cell, partial(_keep, cfg, RATES))
            if "schedules" in cfg.stages:
                known = evidence.read(Path(cfg.out) / RATES)
                searching.schedule(cfg, cell, known, partial(_keep, cfg, SCHEDULES))
            if "defaults" in cfg.stages:
                found = read(Path(cfg.out))
                length = of_cell((cell.kind, cell.family), picked(found.schedules))
                searching.defaults(cfg, cell, found.rates, length, partial(_keep, cfg, DEFAULTS))
        if "lengths" in cfg.stages:
            lengths.write(Path(cfg.out) / LENGTHS, lengths.counted(cfg.lengths))
        _write(cfg)
        print(json.dumps({"evidence": str(Path(cfg.out) / RATES), "page": cfg.page}))
    return 0


def _cells(cfg: DictConfig) -> Iterator[DictConfig]:
    for name in list(cfg.searched) if cfg.cells is None else list(cfg.cells):
        if name not in cfg.searched:
            raise ConfigError("cells", name, nearest(name, list(cfg.searched)))
        yield cfg.searched[name]


def _keep(cfg: DictConfig, name: str, found: Sequence[Tried]) -> None:
    """Add to a file of evidence, and write anew what is made from it."""
    file = Path(cfg.out) / name
    known = {row.key: row for row in [*evidence.read(file), *found]}
    evidence.write(file, known.values())
    _write(cfg)


def _write(cfg: DictConfig) -> None:
    """What is made from the evidence, at the places that the config names."""
    folder = Path(cfg.out)
    found = read(folder)
    (folder / "multiples.yaml").write_text(multiples(found.rates), "utf-8")
    (folder / "schedules.yaml").write_text(schedules(found.schedules), "utf-8")
    Path(cfg.page).write_text(page(found, shipped(), cfg.unsearched), "utf-8")


def read(folder: Path) -> Found:
    """All evidence that a folder holds."""
    rates, scheduled, shipping = (
        evidence.read(folder / name) for name in (RATES, SCHEDULES, DEFAULTS)
    )
    return Found(rates, scheduled, shipping, lengths.read(folder / LENGTHS))


def shipped() -> dict[str, Own]:
    """The methods with a config of their own."""
    files = sorted((entry.CONF / "method").glob("*.yaml"))
    found = {file.stem: OmegaConf.load(file) for file in files}
    return {name: Own(each.family, each.learning_rate) for name, each in found.items()}


if __name__ == "__main__":
    sys.exit(entry.run(command, "recipes"))
