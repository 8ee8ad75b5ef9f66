"""What `python -m harness.select` does: the method that keeps to the constraints is told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from harness import store
from harness.amounts import parse_bytes
from harness.analysis.choice import choose, the_study
from harness.analysis.constraints import BYTES, Constraints
from harness.analysis.scenario import ALL, named, shipped_plans
from harness.analysis.scenarios import Answer, answer
from harness.reading import printable
from harness.selection import answer_lines, choice_lines, mixed_lines, overview_lines

STUDY = ("model", "task")


def command(cfgs: list[DictConfig]) -> int:
    """Print the choice, or the scenario's answer, of each config; 0 when each has one."""
    tables = {str(cfg.results): store.load(cfg.results) for cfg in cfgs}
    return max([_one(cfg, tables[str(cfg.results)]) for cfg in cfgs])


def _one(cfg: DictConfig, frame: pd.DataFrame) -> int:
    own = _own_constraints(cfg)
    if cfg.scenario is None:
        constraints = Constraints(**own)
        study = the_study(frame, constraints)
        choice = choose(study, constraints)
        _print([*mixed_lines(study), *choice_lines(choice)])
        print(json.dumps(choice.as_dict()))
        return 0 if choice.pick else 1
    scenarios = named(str(cfg.scenario))
    study = the_study(frame, Constraints(**own))
    answers = [answer(study, scenario, own) for scenario in scenarios]
    plans = _plans(answers) if cfg.replan else shipped_plans()
    if cfg.scenario == ALL:
        _print([study.name, *mixed_lines(study), *overview_lines(answers)])
        print(json.dumps({"scenarios": [_short(each, plans) for each in answers]}))
        return 0
    (only,) = answers
    _print([*mixed_lines(study), *answer_lines(only, plans)])
    print(json.dumps(_plain(only, plans)))
    nobody = only.choice is not None and only.choice.pick is None and not only.unanswered
    return 1 if nobody else 0


def _print(lines: Iterable[str]) -> None:
    """Names in records may be anybody's."""
    print("\n".join(map(printable, lines)))


def _own_constraints(cfg: DictConfig) -> dict[str, Any]:
    """What the command line asks for, by the fields of Constraints; raises ConfigError."""
    names = [field.name for field in fields(Constraints)]
    plain = {name: (cfg.study if name in STUDY else cfg)[name] for name in names}
    for name in BYTES:
        plain[name] = parse_bytes(name, plain[name])
    needs = OmegaConf.to_object(cfg.needs) if OmegaConf.is_list(cfg.needs) else [cfg.needs]
    plain["needs"] = tuple(needs)  # type: ignore[arg-type]
    own = {name: value for name, value in plain.items() if value is not None}
    Constraints(**own)  # wrong ones are told before records are read
    return own


def _plans(answers: Sequence[Answer]) -> dict[str, dict[str, Any]]:
    from harness.plan.scenarios import planned  # loads what a selection does without

    lines = list(dict.fromkeys(line for each in answers for line in each.plans))
    if lines:
        print(f"planning {len(lines)}, about ten seconds each", flush=True)
    return planned(lines)


def _plain(found: Answer, plans: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Plain values, for programs; keys of a choice stand in every answer."""
    scenario = found.scenario
    choice = found.choice
    made = choice.as_dict() if choice else {"pick": None, "ties": [], "ruled_out": []}
    return made | {
        "scenario": scenario.name,
        "rule": found.rule,
        "not_measured": found.unanswered or None,
        "sizes": {
            each.method: {"smallest": each.smallest.size, "best": each.best.size}
            for each in found.sizes
        },
        "said": scenario.said.words,
        "agrees": found.agreement,
        "planned": [plans[line] for line in found.plans],
    }


def _short(found: Answer, plans: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Without what every entry adds to, once for each of many scenarios."""
    long = ("ruled_out", "moves", "wins", "runners_up", "relax")
    return {key: value for key, value in _plain(found, plans).items() if key not in long}
