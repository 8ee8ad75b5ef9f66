"""How long the texts of a task are, in tokens of a model, and which of them its length cuts."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from omegaconf import DictConfig

from harness import entry, tasks
from harness.checked import Checked, from_plain
from harness.config import TrialConfig, trial_config
from harness.errors import ConfigError

MOST = 4096
"""Tokens that are counted; where a model reads fewer, so many as it reads."""
MAY_BE_CUT = 0.01
"""The share of texts that a length may cut without a word on it."""


@dataclass(frozen=True)
class Length(Checked):
    """The training texts of one task in one model's tokens: a line of the evidence."""

    task: str
    model: str
    texts: int
    median: int
    percentile_99: int
    longest: int
    max_length: int
    """Of the task's config."""
    cut: float
    """The share of texts with more tokens than that."""


def counted(cfg: DictConfig) -> Iterator[Length]:
    """Of each of `cfg.tasks` in each of `cfg.models` that can answer it."""
    for task in cfg.tasks:
        for model in cfg.models:
            trial = trial_config(entry.compose([f"task={task}", f"model={model}"]))
            try:
                found = _tokens(trial)
            except ConfigError as error:  # an encoder says no texts
                if error.field != "task.kind":
                    raise
                continue
            yield length_of(trial, found)


def length_of(trial: TrialConfig, tokens: Sequence[int]) -> Length:
    """A line of the evidence, of the tokens of each text."""
    ordered, most = sorted(tokens), trial.task.max_length
    return Length(
        task=trial.task.name,
        model=trial.model.name,
        texts=len(ordered),
        median=_at(ordered, 0.5),
        percentile_99=_at(ordered, 0.99),
        longest=ordered[-1],
        max_length=most,
        cut=round(sum(each > most for each in ordered) / len(ordered), 4),
    )


def _at(ordered: Sequence[int], share: float) -> int:
    """The least length that this share of texts does not exceed."""
    return next(each for n, each in enumerate(ordered, 1) if n >= share * len(ordered))


def _tokens(trial: TrialConfig) -> list[int]:
    """Of each training text as the model would read it, were nothing cut."""
    from harness.models import load_tokenizer
    from harness.tasks.data import load

    tokenizer = load_tokenizer(trial.model)
    task = replace(trial.task, max_length=min(MOST, tokenizer.model_max_length))
    data = load(task)
    kind = tasks.load_kind(task.kind)(task, data, trial.model)
    return kind.encode(data.train, tokenizer).lengths


def read(file: Path) -> list[Length]:
    """The lines of a file of evidence; none where there is no file. Raises ConfigError."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return [from_plain(Length, row) for row in csv.DictReader(lines)]


def write(file: Path, rows: Iterable[Length]) -> None:
    """Write the evidence."""
    found = list(rows)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, [each.name for each in fields(Length)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(asdict, found))
