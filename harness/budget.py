"""Sizes from a budget: `budget=0.5%` in place of `size=N`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

from harness import assets
from harness.amounts import told_share
from harness.config import RunConfig, TrialConfig, budget_of
from harness.isolation import run_alone
from harness.prerequisites import writable
from harness.sources import with_sources
from harness.task_config import TaskConfig

FAR = 0.1  # what is off by more than this share of the budget is said

Question = dict[str, Any]


def with_sizes(cfgs: Sequence[DictConfig], run: RunConfig) -> list[DictConfig]:
    """Composed configs with the sizes that their budgets give, in place of the budgets.

    What then runs is the trial that `size=N` is. Models are counted without weights, in one
    process for all configs; what came of each budget is printed. A method that refuses every size
    is left at its own, for the check of the sweep to refuse. Raises ConfigError for a budget beside
    a size, and whatever keeps a model or a task from being had.
    """
    shares = [budget_of(cfg) for cfg in cfgs]
    trials = {
        n: with_sources(_changed(cfgs[n], None))
        for n, share in enumerate(shares)
        if share is not None
    }
    if not trials:
        return list(cfgs)
    for trial in {repr(trial.model): trial for trial in trials.values()}.values():
        assets.fetch(trial.model.source, "model.source")
    classes = {key: _classes(task) for key, task in _distinct_tasks(trials).items()}
    questions = {
        n: {"config": trial.as_dict(), "classes": classes[repr(trial.task)], "budget": shares[n]}
        for n, trial in trials.items()
    }
    distinct = {_key(question): question for question in questions.values()}
    writable(run.results)
    answers = _answers(list(distinct.values()), run)
    found = dict(zip(distinct, answers, strict=True))
    for key, question in distinct.items():
        print(_told(question, found[key]), flush=True)
    return [
        _changed(cfg, found[_key(questions[n])]["size"]) if n in questions else cfg
        for n, cfg in enumerate(cfgs)
    ]


def _changed(cfg: DictConfig, size: int | None) -> DictConfig:
    cfg = cfg.copy()
    cfg.size, cfg.budget = size, None
    return cfg


def _distinct_tasks(trials: dict[int, TrialConfig]) -> dict[str, TaskConfig]:
    return {repr(trial.task): trial.task for trial in trials.values()}


def _classes(task: TaskConfig) -> int:
    """How many there are, which the data tell unless the config does; of other kinds one."""
    if task.kind not in ("classification", "tokens"):
        return 1
    if task.labels is not None:
        return len(task.labels)
    from harness.tasks.data import examples

    return len(examples(task).labels)


def _key(question: Question) -> str:
    """Trials that differ in their seed and recipe alone have one size."""
    config = {**question["config"], "seed": None, "train": None}
    return json.dumps({**question, "config": config})


def _answers(questions: list[Question], run: RunConfig) -> list[dict[str, Any]]:
    found = run_alone(
        "choosing sizes",
        "harness.plan.budget:sizes",
        {"asked": questions},
        run.results / "budget.log",
        60 * run.timeout,
    )
    answers: list[dict[str, Any]] = found["found"]
    return answers


def _told(question: Question, answer: dict[str, Any]) -> str:
    """One line for people: the size, its share, and how far off that is."""
    config, budget = question["config"], question["budget"]
    method, size, share = config["method"], answer["size"], answer["share"]
    where = f"on {config['task']['name']} with {config['model']['name']}"
    told = f"budget={told_share(budget)}: {method['name']}"
    if share is None:
        return f"{told} takes no size {where}: {answer['refusal']}"
    told += " has no size and" if size is None else f" {method['size_field']}={size}"
    told += f" trains {told_share(share)} {where}"
    times = share / budget
    if abs(times - 1) <= FAR:
        return told
    far = f"{told}, {times:.3g} times the budget"
    return far if size is None else f"{far}; no size comes closer"
