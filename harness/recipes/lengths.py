"""How long the texts of a task are, in tokens of a model, and which of them its length cuts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from omegaconf import DictConfig

from harness import entry, tasks
from harness.checked import Checked
from harness.config import TrialConfig, trial_config
from harness.errors import ConfigError
from harness.recipes import lines

if TYPE_CHECKING:
    from harness.tasks.data import TaskData

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
    from harness.tasks.data import load

    for task in cfg.tasks:
        data = load(trial_config(entry.compose([f"task={task}"])).task)
        for model in cfg.models:
            trial = trial_config(entry.compose([f"task={task}", f"model={model}"]))
            try:
                found = _tokens(trial, data)
            except ConfigError as error:  # an encoder says no texts
                if error.field != "task.kind":
                    raise
                continue
            yield length_of(trial, found)


def length_of(trial: TrialConfig, tokens: Sequence[int]) -> Length:
    """A line of the evidence, of the tokens of each text."""
    most = trial.task.max_length
    # The least length that this share of texts does not exceed.
    median, percentile_99 = np.quantile(tokens, [0.5, 0.99], method="inverted_cdf").tolist()
    return Length(
        task=trial.task.name,
        model=trial.model.name,
        texts=len(tokens),
        median=median,
        percentile_99=percentile_99,
        longest=max(tokens),
        max_length=most,
        cut=round(sum(each > most for each in tokens) / len(tokens), 4),
    )


def _tokens(trial: TrialConfig, data: TaskData) -> list[int]:
    """Of each training text as the model would read it, were nothing cut."""
    from harness.models import load_tokenizer

    tokenizer = load_tokenizer(trial.model)
    task = replace(trial.task, max_length=min(MOST, tokenizer.model_max_length))
    kind = tasks.load_kind(task.kind)(task, data, trial.model)
    return kind.encode(data.train, tokenizer).lengths


def read(file: Path) -> list[Length]:
    """The lines of a file of evidence; none where there is no file. Raises ConfigError."""
    return lines.read(Length, file)


def write(file: Path, rows: Iterable[Length]) -> None:
    """Write the evidence."""
    lines.write(Length, file, list(rows))  # counted before the file that there is gives way
