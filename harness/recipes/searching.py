"""The searches of a cell: trials that train and look at the validation split, wave after wave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from harness import entry, store
from harness.config import RunConfig, TrialConfig, run_config, trial_config
from harness.errors import ConfigError
from harness.recipes import evidence, schedules
from harness.recipes.evidence import Cell, Tried
from harness.recipes.multiples import family_of
from harness.recipes.schedules import Schedule
from harness.search import UNMEASURED
from harness.sweep import run_sweep
from harness.trials import trial_of


@dataclass(frozen=True)
class Asked:
    """A trial of a search, and what of it no config says."""

    cell: Cell
    multiple: float
    trial: TrialConfig


Keep = Callable[[Sequence[Tried]], None]
"""What is told of all trials of a search that are over, again and again."""


def rates(cfg: DictConfig, cell: DictConfig, keep: Keep) -> None:
    """The first multiples of every method of a cell, then further ones where an edge asks."""
    methods = _methods(cfg, cell)

    def wave(found: Sequence[Tried] | None) -> list[Asked]:
        if found is None:
            tried = {method: list(cfg.multiples) for method in methods}
        else:
            tried = _further(found, methods, cfg.further)
        return [
            asked(cfg, cell, method, multiple, seed)
            for method, own in tried.items()
            for multiple in own
            for seed in cfg.search_seeds[: cell.seeds]
        ]

    _search(wave, run_config(cfg), keep)


def _further(
    found: Sequence[Tried], methods: Sequence[str], further: Sequence[float]
) -> dict[str, list[float]]:
    """The multiples to try next, by method."""
    own = {method: [row for row in found if row.method == method] for method in methods}
    next_ones = {m: evidence.beyond(evidence.scores(rows), further) for m, rows in own.items()}
    return {method: [each] for method, each in next_ones.items() if each is not None}


def schedule(cfg: DictConfig, cell: DictConfig, known: Sequence[Tried], keep: Keep) -> None:
    """Batch sizes at a few examples, then twice as many steps for as long as they gain.

    Each method runs at the rate that `known`, the evidence on rates, picks for it.
    """
    own = OmegaConf.merge(cfg.schedules, cell.get("schedules", {}))
    found = evidence.picked(known).get((cell.kind, cell.family), {})
    picked = {method: found.get(method, 1.0) for method in own.methods}
    first = [Schedule(own.examples // size, size) for size in own.batch_sizes]

    def wave(found: Sequence[Tried] | None) -> list[Asked]:
        longer = None if found is None else schedules.beyond(schedules.scores(found), own.most)
        tried = first if found is None else [longer] if longer else []
        return [
            asked(cfg, cell, method, multiple, seed, each)
            for each in tried
            for method, multiple in picked.items()
            for seed in cfg.search_seeds[: cell.seeds]
        ]

    _search(wave, run_config(cfg), keep)


def defaults(
    cfg: DictConfig, cell: DictConfig, known: Sequence[Tried], schedule: Schedule, keep: Keep
) -> None:
    """The methods of a cell at the rates that `known` picks, for as long as `train=default` trains.

    One seed: it is to be seen that no rate, found in a short training, ruins a method in this one.
    """
    picked = evidence.picked(known).get((cell.kind, cell.family), {})
    trials = [
        asked(cfg, cell, method, picked[method], cfg.search_seeds[0], schedule)
        for method in _methods(cfg, cell)
        if method in picked
    ]
    _search(lambda found: trials, run_config(cfg), keep)


def _methods(cfg: DictConfig, cell: DictConfig) -> list[str]:
    return [name for name in cell.methods if cfg.methods is None or name in cfg.methods]


def _search(
    wave: Callable[[Sequence[Tried] | None], list[Asked]], settings: RunConfig, keep: Keep
) -> None:
    """Run what a wave asks for, given what the waves before it found, until it asks no more.

    A trial that failed leaves no evidence, and is not asked for twice.
    """
    trials: list[Asked] = []
    found: list[Tried] | None = None
    while new := [each for each in wave(found) if each not in trials]:
        trials += new
        try:
            run_sweep([each.trial for each in trials], settings)
        finally:  # what is over when the search is stopped is evidence, too
            found = list(_tried(trials, settings))
            keep(found)


def asked(
    cfg: DictConfig,
    cell: DictConfig,
    method: str,
    multiple: float,
    seed: int,
    schedule: Schedule | None = None,
) -> Asked:
    """A trial of a cell; `schedule` is for another than that of the search for rates."""
    chosen = [f"model={cell.model}", f"task={cell.task}", f"method={method}", f"seed={seed}"]
    own = [*cfg.overrides, *cell.overrides]
    if method in cfg.slow:
        own += cell.slow
    composed = entry.compose([*chosen, *own, f"device={cfg.device}"])
    kind, family = composed.task.kind, family_of(composed)
    if (kind, family) != (cell.kind, cell.family):
        told = f"model={cell.model} task={cell.task} are {kind}, {family}"
        raise ConfigError("searched", f"{cell.kind}, {cell.family}", told)
    composed.train.learning_rate = float(f"{composed.method.learning_rate * multiple:.3g}")
    if schedule is not None:
        composed.train.steps, composed.train.batch_size = schedule.steps, schedule.batch_size
    trial = replace(trial_config(composed), stage="search", measure=UNMEASURED)
    return Asked((cell.kind, cell.family), float(multiple), trial)


def _tried(asked: Sequence[Asked], settings: RunConfig) -> Iterator[Tried]:
    """Of the trials that were trained, what they came to; what failed otherwise is no evidence."""
    for each in asked:
        trial = trial_of(each.trial, settings.results)
        record = store.record(trial.folder)
        if record is not None and record["status"] in ("ok", "diverged"):
            yield _line(each, record["status"], record["quality"])
        # The search was stopped before it ended these.
        elif record is None and trial.part("train") is not None:
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
