"""Constraints and a need in, a pick out: with what it ties with, and what ruled out the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.constraints import Constraints, RuledOut, Violation, ordered, violations
from harness.analysis.entry import Entry
from harness.analysis.evidence import Evidence
from harness.analysis.moves import Move, moves
from harness.analysis.numbers import capital, listed, percent
from harness.analysis.resampling import RESAMPLES, resampled, win_shares
from harness.analysis.study import Study, studies
from harness.analysis.ties import OVERLAP, Comparison, against, compare
from harness.errors import ConfigError

EQUAL = "exactly"
RUNNERS_UP = 3


@dataclass(frozen=True)
class Choice:
    """`candidates` keep to all constraints, best first, the pick and its ties among them; of those
    `ruled_out` the one that misses least comes first. `relax` is empty when there is a pick; else
    the least that lets `relaxed_for` through.
    """

    study: Study
    constraints: Constraints
    pick: Entry | None
    ties: tuple[tuple[Entry, Comparison], ...]
    runners_up: tuple[Entry, ...]
    candidates: tuple[Entry, ...]
    ruled_out: tuple[RuledOut, ...]
    relax: tuple[Violation, ...]
    relaxed_for: Entry | None

    @cached_property
    def wins(self) -> dict[str, float]:
        """The share of resamples that an entry wins, by label, the most first; nobody with none.

        Limits are held against what was measured, `min_quality` against the resampled quality.
        """
        return _wins(self)

    @property
    def certainty(self) -> float | None:
        """The pick's own share of resamples; None without a pick."""
        return self.wins.get(self.pick.label, 0.0) if self.pick else None

    @cached_property
    def moves(self) -> tuple[Move, ...]:
        """How the pick changes if a constraint moves."""
        return moves(self.study, self.constraints, self.candidates, self.ruled_out)

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
            "certainty": self.certainty,
            "wins": self.wins,
            "resamples": RESAMPLES,
            "moves": [
                {
                    "constraint": move.constraint,
                    "way": move.way,
                    "at": move.at,
                    "need": move.need or None,
                    "pick": move.pick.label if move.pick else None,
                }
                for move in self.moves
            ],
            "train_memory_is": self.study.basis.peak,
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
    return choose(the_study(frame, constraints, beside), constraints)


def the_study(
    frame: pd.DataFrame,
    constraints: Constraints,
    beside: Mapping[str, Evidence] | None = None,
) -> Study:
    """The one study that constraints are about; raises ConfigError as `select` does."""
    held = [study for study in studies(frame, beside) if study.entries]
    if not held:
        raise ConfigError("records", len(frame), "none of them finished here; run a sweep")
    asked = {"model": constraints.model, "task": constraints.task}
    named = {key: name for key, name in asked.items() if name is not None}
    found = [s for s in held if all(getattr(s, key) == name for key, name in named.items())]
    if len(found) == 1:
        return found[0]
    given = " ".join(named.values()) or None
    names = "; ".join(study.name for study in found or held)
    expected = f"choose one by study.model=… and study.task=…; there are {names}"
    raise ConfigError("study", given, expected)


def choose(study: Study, constraints: Constraints) -> Choice:
    """The pick of one study.

    Ties are those that cannot be told from the pick in quality; where something else than quality
    is preferred they are the ones whose interval of that overlaps the pick's, or which equal it
    where there are no intervals.
    """
    ruled_out, candidates = [], []
    for entry in study.entries:
        missed = violations(entry, constraints, study)
        if missed:
            ruled_out.append(RuledOut(entry, missed))
        else:
            candidates.append(entry)
    barred = tuple(sorted(ruled_out, key=_effort))
    if not candidates:
        miss = next(iter(barred), None)
        relax, relaxed_for = (miss.violations, miss.entry) if miss else ((), None)
        return Choice(study, constraints, None, (), (), (), barred, relax, relaxed_for)
    best_first = tuple(ordered(study, candidates, constraints))
    pick, *others = best_first
    compared = list(zip(others, _compared(study, pick, others, constraints), strict=True))
    ties = tuple((entry, comparison) for entry, comparison in compared if comparison.tied)
    tied = {entry.label for entry, _ in ties}
    runners_up = tuple(entry for entry in others if entry.label not in tied)[:RUNNERS_UP]
    return Choice(study, constraints, pick, ties, runners_up, best_first, barred, (), None)


def how_sure(choice: Choice) -> str:
    """In words: ties or the runner-up, how ties were found, who wins how many resamples, seeds."""
    pick = choice.pick
    if pick is None:
        return "Nothing keeps to all of it."
    told = []
    if choice.ties:
        names = listed(entry.label for entry, _ in choice.ties)
        told.append(f"Ties with {names} ({choice.ties[0][1].how}).")
    elif not choice.runners_up:
        told.append("The only one left.")
    elif choice.constraints.prefer == "quality":
        runner_up = choice.runners_up[0]
        how = compare(choice.study, pick, runner_up).how
        told.append(f"Clear of the next, {runner_up.label} ({how}).")
    else:
        told.append(f"Next: {choice.runners_up[0].label}.")
    told.append(f"{capital(how_often(choice))}.")
    seeds = len(pick.seeds)
    told.append("One seed: a hint." if seeds == 1 else f"{seeds} seeds{': a hint' * (seeds < 3)}.")
    return " ".join(told)


def how_often(choice: Choice) -> str:
    """The pick's share of resamples and those of the next two: wins in 83% of 200 resamples; …"""
    told = f"wins in {percent(choice.certainty or 0.0)} of {RESAMPLES} resamples"
    others = [item for item in choice.wins.items() if choice.pick and item[0] != choice.pick.label]
    return "; ".join([told, *(f"{label} in {percent(share)}" for label, share in others[:2])])


def _wins(choice: Choice) -> dict[str, float]:
    study, constraints = choice.study, choice.constraints
    # A quality that misses the limit may keep to it in a resample.
    near = (
        out.entry
        for out in choice.ruled_out
        if all(v.constraint == "min_quality" and v.value is not None for v in out.violations)
    )
    cost = {entry.label: constraints.cost(entry) for entry in (*choice.candidates, *near)}
    labels = [entry.label for entry in study.entries]
    shares = win_shares(
        resampled(study),
        np.array([label in cost for label in labels]),
        study.higher_is_better,
        constraints.min_quality,
        np.array([cost.get(label, np.inf) for label in labels]),
    )
    won = {label: float(share) for label, share in zip(labels, shares, strict=True) if share > 0}
    return dict(sorted(won.items(), key=lambda item: -item[1]))


def _compared(
    study: Study, pick: Entry, others: Sequence[Entry], constraints: Constraints
) -> list[Comparison]:
    if constraints.prefer == "quality":
        return against(study, pick, others)
    return [_comparison(pick, other, constraints) for other in others]


def _comparison(pick: Entry, other: Entry, constraints: Constraints) -> Comparison:
    first, second = pick[constraints.preferred], other[constraints.preferred]
    difference = (first.value or 0.0) - (second.value or 0.0)
    how = OVERLAP if first.bounded or second.bounded or first.at_least else EQUAL
    return Comparison(difference, None, None, how, first.overlaps(second))


def _effort(out: RuledOut) -> tuple[bool, int, float]:
    """Fewest constraints first, then the smallest relative relaxation; the impossible last."""
    steps = [
        abs(v.value - v.limit) / max(abs(v.limit), 1e-12)
        for v in out.violations
        if v.value is not None and v.limit is not None
    ]
    return len(steps) < len(out.violations), len(out.violations), sum(steps)


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
        "trainable": entry["trainable"].value,
        "capacity_bits": entry["capacity"].value,
        "forgetting": entry["forgetting"].value,
    }
