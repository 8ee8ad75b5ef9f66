"""`python -m harness.recipes`: search learning rates per kind of task and family of models."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from harness import entry, store
from harness.config import RunConfig, TrialConfig, run_config, trial_config
from harness.errors import ConfigError, nearest
from harness.recipes import evidence
from harness.recipes.evidence import Tried
from harness.recipes.multiples import family_of
from harness.recipes.page import Own, multiples, page
from harness.search import UNMEASURED
from harness.sweep import run_sweep
from harness.trials import trial_of


@dataclass(frozen=True)
class Asked:
    """A trial of a search, and what of it no config says."""

    cell: evidence.Cell
    multiple: float
    trial: TrialConfig


def command(cfgs: list[DictConfig]) -> int:
    """Search each config's cells, write what was found as it comes, then one JSON line."""
    for cfg in cfgs:
        names = list(cfg.searched) if cfg.cells is None else list(cfg.cells)
        for name in names:
            if name not in cfg.searched:
                raise ConfigError("cells", name, nearest(name, list(cfg.searched)))
            _search(cfg, cfg.searched[name])
        _write(cfg, [])
        print(json.dumps({"evidence": str(Path(cfg.out) / "evidence.csv"), "page": cfg.page}))
    return 0


def _search(cfg: DictConfig, cell: DictConfig) -> None:
    """The first multiples of every method of a cell, then further ones where an edge asks."""
    settings = run_config(cfg)
    methods = [name for name in cell.methods if cfg.methods is None or name in cfg.methods]
    trying = {method: list(cfg.multiples) for method in methods}
    trials: list[Asked] = []
    while any(trying.values()):
        trials += [
            asked(cfg, cell, method, multiple, seed)
            for method, own in trying.items()
            for multiple in own
            for seed in cfg.search_seeds
        ]
        try:
            run_sweep([each.trial for each in trials], settings)
        finally:  # what is over when the search is stopped is evidence, too
            found = list(_tried(trials, settings))
            _write(cfg, found)
        trying = _further(found, methods, cfg.further)


def _further(
    found: Sequence[Tried], methods: Sequence[str], further: Sequence[float]
) -> dict[str, list[float]]:
    """The multiples to try next, by method."""
    own = {method: [row for row in found if row.method == method] for method in methods}
    next_ones = {m: evidence.beyond(evidence.scores(rows), further) for m, rows in own.items()}
    return {method: [each] for method, each in next_ones.items() if each is not None}


def asked(cfg: DictConfig, cell: DictConfig, method: str, multiple: float, seed: int) -> Asked:
    """A trial that trains and looks at the validation split, and is not measured."""
    chosen = [f"model={cell.model}", f"task={cell.task}", f"method={method}", f"seed={seed}"]
    own = cell.get("overrides", [])
    composed = entry.compose([*chosen, *cfg.overrides, *own, f"device={cfg.device}"])
    kind, family = composed.task.kind, family_of(composed)
    if (kind, family) != (cell.kind, cell.family):
        told = f"model={cell.model} task={cell.task} are {kind}, {family}"
        raise ConfigError("searched", f"{cell.kind}, {cell.family}", told)
    composed.train.learning_rate = float(f"{composed.method.learning_rate * multiple:.3g}")
    trial = replace(trial_config(composed), stage="search", measure=UNMEASURED)
    return Asked((cell.kind, cell.family), multiple, trial)


def _tried(asked: Sequence[Asked], settings: RunConfig) -> Iterator[Tried]:
    """Of the trials that were trained, what they came to; what failed otherwise is no evidence."""
    for each in asked:
        trial = trial_of(each.trial, settings.results)
        record = store.record(trial.folder)
        if record is not None and record["status"] in ("ok", "diverged"):
            yield _line(each, record["status"], record["quality"])
        elif (
            record is None and trial.part("train") is not None
        ):  # the search was stopped before it ended them
            yield _line(each, "ok", trial.measured()["quality"])


def _line(each: Asked, status: str, quality: dict[str, Any] | None) -> Tried:
    trial = each.trial
    return Tried(
        *each.cell,
        trial.model.name,
        trial.task.name,
        trial.method.name,
        trial.method.size,
        each.multiple,
        trial.train.learning_rate,
        trial.seed,
        trial.train.steps,
        trial.train.batch_size,
        trial.task.metric,
        round(quality["validation"], 4) if status == "ok" and quality else None,
        status,
    )


def _write(cfg: DictConfig, found: Sequence[Tried]) -> None:
    """Add to the evidence, and write anew what is made from it."""
    folder = Path(cfg.out)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "evidence.csv"
    known = {_key(row): row for row in [*evidence.read(file), *found]}
    evidence.write(file, known.values())
    rows = evidence.read(file)
    (folder / "multiples.yaml").write_text(multiples(rows), "utf-8")
    Path(cfg.page).write_text(page(rows, shipped(), cfg.unsearched), "utf-8")


def shipped() -> dict[str, Own]:
    """The methods with a config of their own."""
    files = sorted((entry.CONF / "method").glob("*.yaml"))
    found = {file.stem: OmegaConf.load(file) for file in files}
    return {name: Own(each.family, each.learning_rate) for name, each in found.items()}


def _key(row: Tried) -> tuple[object, ...]:
    return row.cell, row.model, row.task, row.method, row.size, row.multiple, row.seed


if __name__ == "__main__":
    sys.exit(entry.run(command, "recipes"))
