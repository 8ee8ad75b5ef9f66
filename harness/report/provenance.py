"""How it was measured, on what, what was unstable, what is missing and why."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from harness.analysis.estimate import Estimate
from harness.analysis.figures import Row
from harness.analysis.numbers import capital, in_bytes, listed, plural, significant
from harness.analysis.ties import OVERLAP, PAIRED, against
from harness.analysis.triangle import Triangle
from harness.report.foreign import published
from harness.report.machine import machine
from harness.report.subject import Subject
from harness.report.table import UNSTABLE
from harness.report.task_data import task_data

FIGURES = {
    "quality": "Quality",
    "train_memory": "Training peak",
    "inference_memory": "Inference peak",
    "unmerged": "Unmerged latency",
    "merged": "Merged latency",
    "examples_per_s": "Training speed",
    "capacity": "Capacity in bits",
    "forgetting": "Forgetting",
    "adapter_bytes": "Memory per further adapter",
    "mixed_per_s": "Batches for several adapters",
    "training_joules": "Energy",
}

BUDGET = ("sequences", "tokens", "classes", "steps", "batch_size")
PROBES = (
    (
        "Capacity",
        "{} sequences of {} tokens, each token with a random label out of {}, learned in {} steps "
        "of {} sequences at the best of {} learning rates; bits are what the labels cost without "
        "the model less what they cost with it",
        (*(f"capacity.budget.{name}" for name in BUDGET), "capacity.tried"),
    ),
    (
        "Forgetting",
        "loss on {} plain texts ({} tokens to predict) before and after training; objective: {}",
        ("forgetting.texts", "forgetting.n", "forgetting.objective"),
    ),
    ("Serving", "batches of {} requests", ("serving.batch_size",)),
)


@dataclass(frozen=True)
class RuleTable:
    """Benefits and weights of configurations under one rule of the triangle. `left_out` are names
    and the reason that they share.
    """

    name: str
    axes: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...], str], ...]
    left_out: tuple[tuple[str, str], ...]


def facts(subject: Subject) -> tuple[tuple[str, str], ...]:
    """Name and value: the machine, the libraries, the recipe, how figures were taken."""
    rows = [row for row in subject.study.rows if row.get("status") == "ok"]
    told: list[tuple[str, str]] = []
    for place, (environment, n) in enumerate(subject.study.environments, start=1):
        which = "Machine" if len(subject.study.environments) == 1 else f"Environment {place}"
        ids = len(subject.mixed.machines.get(environment, ()))
        on = f" on {ids} machines" if ids > 1 else ""
        told.append((which, f"{environment.name} ({plural(n, 'trial')}{on})"))
        told.append(("Libraries", environment.libraries))
    if subject.mixed.moved:
        who = f"{subject.mixed.moved} of {plural(len(rows), 'trial')}"
        told.append(("Trained", f"{who} on another machine than they were measured on"))
    versions = sorted(
        {str(row["environment.harness"]) for row in rows if "environment.harness" in row}
    )
    commits = sorted(
        {
            str(row["environment.commit"])[:12]
            + ("+changes" if row.get("environment.dirty") else "")
            for row in rows
            if "environment.commit" in row
        }
    )
    if versions or commits:
        parts = [*versions, *(f"commit {commit}" for commit in commits)]
        told.append(("Harness", listed(parts)))
    told += published(rows)
    told += task_data(rows)
    told += _recipe(subject, rows)
    told += _measuring(rows)
    told += _probes(rows)
    told += machine(subject, rows)
    told.append(("Ties", _ties(subject)))
    return tuple(told)


def unstable(subject: Subject) -> tuple[str, ...]:
    """A sentence for each kind of timing that varied too much for somebody."""
    told = []
    for kind, words in UNSTABLE.items():
        names = [e.label for e in subject.in_order if kind in e.unstable]
        if names:
            told.append(f"{capital(words)} varied by more than 10% for {listed(names, most=12)}.")
    return tuple(told)


def missing(subject: Subject) -> tuple[tuple[str, str], ...]:
    """What was not measured and why, each reason once."""
    told: list[tuple[str, str]] = []
    figures: dict[str, dict[str, Estimate]] = {
        name: {entry.label: entry[figure] for entry in subject.in_order}
        for figure, name in FIGURES.items()
    }
    floor = subject.study.floor
    late = {e.label: subject.times_to_floor[e.label] for e in subject.in_order if e is not floor}
    for name, estimates in (figures | {"Time to the floor": late}).items():
        reasons: dict[str, list[str]] = defaultdict(list)
        for label, estimate in estimates.items():
            if not estimate.known:
                reasons[estimate.reason].append(label)
        for reason, labels in reasons.items():
            who = "all" if len(labels) == len(estimates) else listed(labels, most=8)
            told.append((name, f"{who}: {reason}"))
    return tuple(told)


def rules(subject: Subject) -> tuple[RuleTable, ...]:
    """Rows for the drawn."""
    return tuple(_rule(subject, rule) for rule in (subject.triangle, *subject.alternatives))


def _rule(subject: Subject, triangle: Triangle) -> RuleTable:
    axes = []
    for axis in triangle.axes:
        ends = [
            f"{word} at {_end(axis.figure, value)}"
            for word, value in (("0", axis.zero_at), ("1", axis.one_at))
            if value is not None
        ]
        axes.append(f"{axis}{f' ({listed(ends)})' if ends else ''}")
    rows = tuple(
        (
            position.entry.label,
            tuple(
                f"{benefit:.2f} → {100 * weight:.0f}%"
                for benefit, weight in zip(position.benefits, position.weights, strict=True)
            ),
            position.nearest,
        )
        for entry in subject.drawn
        if (position := triangle.of(entry)) is not None
    )
    reasons: dict[str, list[str]] = defaultdict(list)
    for entry, reason in triangle.left_out:
        reasons[reason].append(entry.label)
    left_out = tuple((listed(labels, most=12), reason) for reason, labels in reasons.items())
    return RuleTable(triangle.name, tuple(axes), rows, left_out)


def _end(figure: str, value: float) -> str:
    if figure == "capacity":
        return f"{significant(value)} bits"
    return in_bytes(value) if figure == "train_memory" and value else significant(value)


def _recipe(subject: Subject, rows: list[Row]) -> list[tuple[str, str]]:
    recipes = [entry.recipe for entry in subject.entries if entry.family != "head"]

    def every(name: str) -> str:
        values = sorted({recipe[name] for recipe in recipes if name in recipe}, key=repr)
        return listed(f"{value:g}" for value in values if isinstance(value, (int, float)))

    parts = []
    for name, unit in (("steps", "steps"), ("batch_size", "examples a step")):
        found = every(f"train.{name}")
        if found:
            parts.append(f"{found} {unit}")
    told = [("Training", ", ".join(parts))] if parts else []
    rates: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if "training.learning_rate" in row:
            rates[f"{row['training.learning_rate']:g}"].add(str(row["method"]))
    if rates:
        each = "; ".join(f"{rate} {listed(sorted(names), 9)}" for rate, names in rates.items())
        told.append(("Learning rates", each))
    examples = sorted({entry.examples for entry in subject.entries if entry.examples})
    if examples:
        told.append(("Test split", f"{listed(f'{n:,}' for n in examples)} examples, read once"))
    return told


def _measuring(rows: list[Row]) -> list[tuple[str, str]]:
    told = []
    shapes = {
        (int(row["latency.shape.batch_size"]), int(row["latency.shape.sequence_length"]))
        for row in rows
        if {"latency.shape.batch_size", "latency.shape.sequence_length"} <= row.keys()
    }
    if shapes:
        words = listed(f"{batch} × {tokens} tokens" for batch, tokens in sorted(shapes))
        told.append(
            ("Latency", f"{words}; base, unmerged and merged in interleaved rounds of one process")
        )
    sources = sorted(
        {str(row["memory.train.source"]) for row in rows if "memory.train.source" in row}
    )
    if sources:
        told.append(("Memory", f"peak of {listed(sources)}"))
    return told


def _probes(rows: list[Row]) -> list[tuple[str, str]]:
    """What capacity, forgetting and serving were measured on, each setting once.

    A row that lacks a part of it, such as the head, for which no rate is tried, has no say.
    """
    told = []
    for name, template, columns in PROBES:
        found = {
            tuple(_setting(row[column]) for column in columns): None
            for row in rows
            if all(row.get(column) for column in columns)
        }
        if found:
            told.append((name, "; ".join(template.format(*values) for values in found)))
    return told


def _setting(value: Any) -> str:
    """Of a list, how many it holds."""
    if isinstance(value, list):
        return str(len(value))
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def _ties(subject: Subject) -> str:
    best = subject.best
    others = [e for e in subject.in_order if e is not best and e["quality"].known]
    if best is None or not others:
        return "nothing to compare"
    ways = {comparison.how for comparison in against(subject.study, best, others)}
    words = {
        PAIRED: "two configurations tie when the 95% interval of their paired difference, on the "
        "same test examples, contains zero",
        OVERLAP: "two configurations tie when their 95% intervals overlap, which is the blunter "
        "test, used where outcomes per example are not at hand",
    }
    return "; ".join(words[way] for way in (PAIRED, OVERLAP) if way in ways)
