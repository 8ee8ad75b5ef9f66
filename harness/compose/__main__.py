"""`python -m harness.compose`: adapters of several tasks merged into one, on all their tasks."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from harness import entry, store
from harness.checked import Checked, from_plain
from harness.compose.merging import Merging
from harness.compose.table import lines
from harness.config import SCHEMA, RunConfig, TrialConfig, run_config, trial_config
from harness.errors import ConfigError, HarnessError
from harness.isolation import run_alone
from harness.sweep import run_sweep

FOLDER = "compose"


@dataclass(frozen=True)
class Composition(Checked):
    """One trial per task, alike in everything else, and the merges to try."""

    trials: tuple[TrialConfig, ...]
    merge: Merging

    def __post_init__(self) -> None:
        names = [trial.task.name for trial in self.trials]
        if len(names) < 2:
            raise ConfigError("task", names[0], "merging takes two tasks or more: task=NAME,NAME")
        for name in names:
            if names.count(name) > 1:
                expected = "names two of the tasks; give each a name of its own in conf/task"
                raise ConfigError("task", name, expected)


def command(cfgs: list[DictConfig]) -> int:
    """Train what is not trained yet, then merge and score; 0 when all of it ended well."""
    run = run_config(cfgs[0])
    found = compositions(cfgs)
    for composition in found:
        arguments = {"config": composition.trials[0].as_dict()}
        problem = _isolated("check", arguments, run.results / FOLDER / "check.log", run)["problem"]
        if problem:
            raise HarnessError(problem)
    files = [_composed(composition, run) for composition in found]
    print(json.dumps({"compositions": [file and str(file) for file in files]}))
    return 0 if all(files) else 1


def compositions(cfgs: Sequence[DictConfig]) -> list[Composition]:
    """Trials that differ in their task alone belong together. Raises ConfigError."""
    groups: dict[str, dict[str, Any]] = {}
    for cfg in cfgs:
        if cfg.budget is not None:
            expected = "adapters that are merged share one size, whatever their tasks; give size=N"
            raise ConfigError("budget", cfg.budget, expected)
        if cfg.search:
            expected = "adapters that are merged are trained at the recipe's rate; leave it out"
            raise ConfigError("search", "given", expected)
        trial, merge = trial_config(cfg), OmegaConf.to_object(cfg.merge)
        shared = json.dumps([{**trial.as_dict(), "task": None}, merge])
        groups.setdefault(shared, {"trials": [], "merge": merge})["trials"].append(trial)
    return [from_plain(Composition, group) for group in groups.values()]


def _composed(composition: Composition, run: RunConfig) -> Path | None:
    """The file of the composition; None where one of its trials failed."""
    records = run_sweep(composition.trials, run)
    failed = [record for record in records if record["status"] != "ok"]
    for record in failed:
        what = f"{record['method']} on {record['task']}"
        print(f"{record['status']}: {what}: {record['reason']}", file=sys.stderr)
    if failed:
        return None
    merge = asdict(composition.merge)
    trials = {record["task"]: record["trial"] for record in records}
    path = run.results / FOLDER / f"{_identity(trials, merge)}.json"
    content = store.intact(path)
    if content is None:
        print(f"merging the adapters of {', '.join(trials)}", flush=True)
        arguments = {
            "trials": [
                {"config": record["config"], "folder": str(run.results / record["trial"])}
                for record in records
            ],
            "merging": merge,
        }
        shared = {name: records[0][name] for name in ("model", "method", "size", "seed")}
        content = {"schema": SCHEMA, **shared, "tasks": trials, "merge": merge}
        content |= _isolated("evaluate", arguments, path.with_suffix(".log"), run)
        store.write_json(path, content)
    print("\n".join(lines(content)))
    return path


def _identity(trials: dict[str, str], merge: dict[str, Any]) -> str:
    canonical = json.dumps([SCHEMA, trials, merge])
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _isolated(
    function: str, arguments: dict[str, Any], log: Path, run: RunConfig
) -> dict[str, Any]:
    """What a function of harness.compose.evaluation gives in a process of its own."""
    call = f"harness.compose.evaluation:{function}"
    return run_alone("composing", call, arguments, log, 60 * run.timeout)


if __name__ == "__main__":
    sys.exit(entry.run(command, "compose"))
