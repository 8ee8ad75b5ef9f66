"""The scenarios that ship: what people ask, the rule that answers it, and what is commonly said."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from harness.analysis.constraints import Constraints
from harness.analysis.entry import Entry
from harness.checked import Checked, Name, from_plain
from harness.errors import ConfigError, nearest

SHIPPED = Path(__file__).with_name("scenarios.yaml")
PLANS = Path(__file__).with_name("scenario_plans.json")
ALL = "all"


@dataclass(frozen=True)
class Said(Checked):
    """The common answer: methods as their config files are named, sizes from and to."""

    words: Name
    methods: tuple[Name, ...]
    source: Name
    sizes: tuple[int, int] | None = None

    def of(self, entry: Entry) -> bool:
        """Whether an entry is what is said."""
        if entry.method.removeprefix("peft/") not in self.methods:
            return False
        if self.sizes is None:
            return True
        return entry.size is not None and self.sizes[0] <= entry.size <= self.sizes[1]


@dataclass(frozen=True)
class Scenario(Checked):
    """Fields as `scenarios.yaml` explains them."""

    name: Name
    title: Name
    question: Name
    rule: Name
    said: Said
    answer: Literal["pick", "sizes"] = "pick"
    needs: tuple[str, ...] = ()
    max_latency_ratio: float | None = None
    prefer: tuple[str, ...] = ("quality",)
    enough: bool = False
    task_kinds: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    card: bool = False

    def __post_init__(self) -> None:
        for prefer in self.prefer:
            Constraints(self.max_latency_ratio, needs=self.needs, prefer=prefer)


@cache
def shipped() -> tuple[Scenario, ...]:
    """In the order in which they are shown."""
    content = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    return tuple(from_plain(Scenario, plain) for plain in content)


def named(name: str) -> tuple[Scenario, ...]:
    """The scenario of a name, or all; raises ConfigError with the nearest names."""
    if name == ALL:
        return shipped()
    found = tuple(scenario for scenario in shipped() if scenario.name == name)
    if not found:
        raise ConfigError("scenario", name, nearest(name, [ALL, *(s.name for s in shipped())]))
    return found


def wanted_plans(scenarios: Iterable[Scenario]) -> list[str]:
    """Every plan that they ask for, once."""
    return list(dict.fromkeys(line for scenario in scenarios for line in scenario.plan))


@cache
def shipped_plans() -> dict[str, dict[str, Any]]:
    """What `harness.plan` answers, by the overrides that it was asked with."""
    plans: dict[str, dict[str, Any]] = json.loads(PLANS.read_text(encoding="utf-8"))
    return plans
