"""Constraints and a need in, a pick out: with what it ties with, and what ruled out the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from harness.analysis.entry import Entry
from harness.analysis.evidence import Evidence
from harness.analysis.numbers import in_bytes, significant
from harness.analysis.study import Study, studies
from harness.analysis.ties import OVERLAP, Comparison, compare
from harness.errors import ConfigError, nearest

NEEDS = ("merge", "hot_swap", "mixed_batches")
PREFERENCES = (
    "quality",
    "capacity",
    "forgetting",
    "train_memory",
    "inference_memory",
    "deployed",
    "file_bytes",
    "adapter_bytes",
)

# The figure that each limit is held against.
LIMITS = {
    "max_latency_ratio": "deployed",
    "max_train_memory": "train_memory",
    "max_inference_memory": "inference_memory",
    "max_file_bytes": "file_bytes",
    "max_adapter_bytes": "adapter_bytes",
    "max_forgetting": "forgetting",
    "min_capacity": "capacity",
    "min_quality": "quality",
}
BYTES = ("max_train_memory", "max_inference_memory", "max_file_bytes", "max_adapter_bytes")
EQUAL = "exactly"
RUNNERS_UP = 3


@dataclass(frozen=True)
class Constraints:
    """What a pick must keep to; None asks nothing. Bytes, a ratio to the base, forgetting in nats
    per token, capacity in bits, quality as recorded.

    `needs`: "merge" asks for a model that ends as the base's own architecture, "hot_swap" for one
    that leaves the base's weights alone, so that adapters of several tasks share one copy; its
    latency then counts unmerged. "mixed_batches" asks for one that was seen to answer requests for
    several adapters in one batch. `prefer` says what is best among those that keep to all of it.
    """

    max_latency_ratio: float | None = None
    max_train_memory: float | None = None
    max_inference_memory: float | None = None
    max_file_bytes: float | None = None
    max_adapter_bytes: float | None = None
    max_forgetting: float | None = None
    min_capacity: float | None = None
    min_quality: float | None = None
    needs: tuple[str, ...] = ()
    prefer: str = "quality"
    model: str | None = None
    task: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs", tuple(self.needs))
        for need in self.needs:
            if need not in NEEDS:
                raise ConfigError("needs", need, nearest(need, NEEDS))
        if self.prefer not in PREFERENCES:
            raise ConfigError("prefer", self.prefer, nearest(self.prefer, PREFERENCES))
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.startswith("max_") and value is not None and not value > 0:
                raise ConfigError(field.name, value, "must be above 0")

    def figure(self, limit: str) -> str:
        shared = not {"hot_swap", "mixed_batches"}.isdisjoint(self.needs)
        return "unmerged" if limit == "max_latency_ratio" and shared else LIMITS[limit]

    @property
    def preferred(self) -> str:
        """The figure that `prefer` is about."""
        return self.figure("max_latency_ratio") if self.prefer == "deployed" else self.prefer


@dataclass(frozen=True)
class Violation:
    """One thing that an entry does not keep to; without a `value`, one that cannot be relaxed."""

    constraint: str
    limit: float | None
    value: float | None
    reason: str


@dataclass(frozen=True)
class RuledOut:
    entry: Entry
    violations: tuple[Violation, ...]


@dataclass(frozen=True)
class Choice:
    """`relax` is empty when there is a pick; else the least that lets `relaxed_for` through."""

    study: Study
    constraints: Constraints
    pick: Entry | None
    ties: tuple[tuple[Entry, Comparison], ...]
    runners_up: tuple[Entry, ...]
    ruled_out: tuple[RuledOut, ...]
    relax: tuple[Violation, ...]
    relaxed_for: Entry | None

    @property
    def how_sure(self) -> str:
        return how_sure(self)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for programs."""
        return {
            "model": self.study.model,
            "task": self.study.task,
            "pick": _plain(self.pick) if self.pick else None,
            "ties": [_plain(entry) for entry, _ in self.ties],
            "runners_up": [_plain(entry) for entry in self.runners_up],
            "ruled_out": [
                _plain(out.entry) | {"by": [v.reason for v in out.violations]}
                for out in self.ruled_out
            ],
            "relax": [
                {"constraint": v.constraint, "from": v.limit, "to": v.value} for v in self.relax
            ],
            "how_sure": self.how_sure,
        }


def select(
    frame: pd.DataFrame,
    constraints: Constraints,
    beside: Mapping[str, Evidence] | None = None,
) -> Choice:
    """The pick from the table that `harness.load` gives.

    Raises ConfigError where the table holds no finished trial, or several models or tasks and the
    constraints do not say which.
    """
    found = [
        study
        for study in studies(frame, beside)
        if constraints.model in (None, study.model) and constraints.task in (None, study.task)
    ]
    if not any(study.entries for study in found):
        raise ConfigError("results", len(frame), "records, none of them finished here; run a sweep")
    if len(found) > 1:
        names = "; ".join(study.name for study in found)
        raise ConfigError("results", names, "choose one with model=… task=…")
    return choose(found[0], constraints)


def choose(study: Study, constraints: Constraints) -> Choice:
    """The pick of one study.

    Ties are those that cannot be told from the pick in quality; where something else than quality
    is preferred they are the ones whose interval of that overlaps the pick's, or which equal it
    where there are no intervals.
    """
    ruled_out, candidates = [], []
    for entry in study.entries:
        violations = _violations(entry, constraints, study)
        if violations:
            ruled_out.append(RuledOut(entry, violations))
        else:
            candidates.append(entry)
    if not candidates:
        miss = min(ruled_out, key=_effort, default=None)
        relax, relaxed_for = (miss.violations, miss.entry) if miss else ((), None)
        return Choice(study, constraints, None, (), (), tuple(ruled_out), relax, relaxed_for)
    pick, *others = _ordered(study, candidates, constraints)
    compared = [(entry, _comparison(study, pick, entry, constraints)) for entry in others]
    ties = tuple((entry, comparison) for entry, comparison in compared if comparison.tied)
    tied = {entry.label for entry, _ in ties}
    runners_up = tuple(entry for entry in others if entry.label not in tied)[:RUNNERS_UP]
    return Choice(study, constraints, pick, ties, runners_up, tuple(ruled_out), (), None)


def how_sure(choice: Choice) -> str:
    """In words: ties or the runner-up, how ties were found, seeds."""
    pick = choice.pick
    if pick is None:
        return "Nothing keeps to all of it."
    told = []
    if choice.ties:
        names = ", ".join(entry.label for entry, _ in choice.ties)
        told.append(f"Ties with {names} ({choice.ties[0][1].how}).")
    elif not choice.runners_up:
        told.append("The only one left.")
    elif choice.constraints.prefer == "quality":
        runner_up = choice.runners_up[0]
        how = compare(choice.study, pick, runner_up).how
        told.append(f"Clear of the next, {runner_up.label} ({how}).")
    else:
        told.append(f"Next: {choice.runners_up[0].label}.")
    seeds = len(pick.seeds)
    told.append("One seed: a hint." if seeds == 1 else f"{seeds} seeds{': a hint' * (seeds < 3)}.")
    return " ".join(told)


def _comparison(study: Study, pick: Entry, other: Entry, constraints: Constraints) -> Comparison:
    if constraints.prefer == "quality":
        return compare(study, pick, other)
    first, second = pick[constraints.preferred], other[constraints.preferred]
    difference = (first.value or 0.0) - (second.value or 0.0)
    how = OVERLAP if first.bounded or second.bounded or first.at_least else EQUAL
    return Comparison(difference, None, None, how, first.overlaps(second))


def _violations(entry: Entry, constraints: Constraints, study: Study) -> tuple[Violation, ...]:
    found = []
    if not entry["quality"].known:
        found.append(Violation("quality", None, None, f"quality: {entry['quality'].reason}"))
    preferred = entry[constraints.preferred]
    if constraints.prefer != "quality" and not preferred.known:
        found.append(Violation("prefer", None, None, f"{constraints.prefer}: {preferred.reason}"))
    for limit in LIMITS:
        bound = getattr(constraints, limit)
        if bound is not None:
            found += _beyond(entry, limit, bound, constraints, study)
    for need in NEEDS:
        reason = unmet(entry, need) if need in constraints.needs else ""
        if reason:
            found.append(Violation("needs", None, None, f"{need}: {reason}"))
    return tuple(found)


def unmet(entry: Entry, need: str) -> str:
    """Why an entry does not meet one of NEEDS; empty where it does."""
    if need == "merge":
        return "" if entry.plain_when_deployed else entry.merge_reason or "cannot be merged"
    if need == "hot_swap":
        return "" if entry.on_one_base else "it changes the base's own weights"
    served = entry["mixed_per_s"]
    return "" if served.known else served.reason or "not measured"


def more_is_better(study: Study, figure: str) -> bool:
    return study.higher_is_better if figure == "quality" else figure == "capacity"


def _beyond(
    entry: Entry, limit: str, bound: float, constraints: Constraints, study: Study
) -> list[Violation]:
    estimate = entry[constraints.figure(limit)]
    if estimate.value is None:
        return [Violation(limit, bound, None, f"{limit}: {estimate.reason}")]
    higher = more_is_better(study, LIMITS[limit])
    kept = estimate.value >= bound if higher else estimate.value <= bound
    if kept:
        return []
    sign = "<" if higher else ">"
    show = in_bytes if limit in BYTES else significant
    reason = f"{limit}: {show(estimate.value)} {sign} {show(bound)}"
    return [Violation(limit, bound, estimate.value, reason)]


def _effort(out: RuledOut) -> tuple[bool, int, float]:
    """Fewest constraints first, then the smallest relative relaxation; the impossible last."""
    steps = [
        abs(v.value - v.limit) / max(abs(v.limit), 1e-12)
        for v in out.violations
        if v.value is not None and v.limit is not None
    ]
    return len(steps) < len(out.violations), len(out.violations), sum(steps)


def _ordered(study: Study, entries: list[Entry], constraints: Constraints) -> list[Entry]:
    by_quality = study.by_quality(entries)
    if constraints.prefer == "quality":
        return by_quality
    sign = -1 if more_is_better(study, constraints.preferred) else 1
    # Stable: the better quality first among equals.
    return sorted(by_quality, key=lambda e: sign * (e[constraints.preferred].value or 0.0))


def _plain(entry: Entry) -> dict[str, Any]:
    return {
        "label": entry.label,
        "method": entry.method,
        "size": entry.size,
        "trials": list(entry.trials),
        "quality": entry["quality"].value,
        "latency_ratio": entry["deployed"].value,
        "train_memory": entry["train_memory"].value,
        "inference_memory": entry["inference_memory"].value,
        "file_bytes": entry["file_bytes"].value,
        "adapter_bytes": entry["adapter_bytes"].value,
        "capacity_bits": entry["capacity"].value,
        "forgetting": entry["forgetting"].value,
    }
