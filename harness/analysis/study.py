"""The records of one model on one task, which alone may be compared with each other."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import pandas as pd

from harness.analysis.entry import Basis, Entry, entry, memory_basis
from harness.analysis.environment import Environment, commonest, environment
from harness.analysis.evidence import Evidence, Outcomes, evidence
from harness.analysis.figures import Row

# A missing config column leaves these to tell one recipe from another.
RECIPE_COLUMNS = ("training.steps", "training.learning_rate")
SKIPPED = "skipped"


@dataclass(frozen=True)
class Failure:
    """A trial that left no figures; `predicted` are the bytes that it was said to need."""

    trial: str
    path: str | None
    label: str
    status: str
    reason: str
    predicted: float | None


@dataclass(frozen=True)
class Study:
    """Everything known of one model on one task. What was skipped did not fail: it never began."""

    model: str
    task: str
    metric: str
    higher_is_better: bool
    majority: float | None
    entries: tuple[Entry, ...]
    failures: tuple[Failure, ...]
    skipped: tuple[Failure, ...]
    basis: Basis
    environments: tuple[tuple[Environment, int], ...]
    rows: tuple[Row, ...]
    searched: tuple[Row, ...]
    """Trials of searches for learning rates: none of them is compared, or counts as a failure."""
    beside: Mapping[str, Evidence]

    @property
    def name(self) -> str:
        return f"{self.model} on {self.task}"

    @property
    def floor(self) -> Entry | None:
        """The frozen base with a fitted head: what a method must beat to be worth training."""
        return self.best([e for e in self.entries if e.family == "head"])

    @property
    def ceiling(self) -> Entry | None:
        return self.best([e for e in self.entries if e.family == "full"])

    def best(self, entries: Iterable[Entry] | None = None) -> Entry | None:
        """The entry of the best quality, seed means compared; the first among equals."""
        ordered = self.by_quality(self.entries if entries is None else entries)
        return ordered[0] if ordered else None

    def by_quality(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those with a known quality, best first."""
        sign = -1 if self.higher_is_better else 1
        known = [e for e in entries if e["quality"].known]
        return sorted(known, key=lambda e: sign * (e["quality"].value or 0.0))

    def mostly(self, figure: str, entries: Iterable[Entry] | None = None) -> bool:
        """Whether the figure is known for more than half of the entries, so that a rule may rest on
        it without losing most of them.
        """
        known = [e[figure].known for e in (self.entries if entries is None else entries)]
        return 2 * sum(known) > len(known)

    def outcomes(self, of: Entry) -> list[Outcomes | None]:
        """Example by example, one per seed."""
        return [self.beside[trial].outcomes for trial in of.trials]


def studies(frame: pd.DataFrame, beside: Mapping[str, Evidence] | None = None) -> tuple[Study, ...]:
    """The table taken apart by model and task, largest first.

    `beside` is what lies beside the records, read from the rows' paths unless given.
    """
    beside = evidence(frame) if beside is None else beside
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in map(_row, frame.to_dict("records")):
        config = beside[str(row["trial"])].config
        setting = {k: v for k, v in config.items() if k.partition(".")[0] in ("model", "task")}
        key = json.dumps([row.get("model"), row.get("task"), setting], sort_keys=True, default=str)
        groups[key].append(row)
    found = [_study(rows, beside) for rows in groups.values()]
    return tuple(sorted(found, key=lambda s: (-len(s.entries), s.name)))


def _study(found: Sequence[Row], beside: Mapping[str, Evidence]) -> Study:
    rows = [row for row in found if row.get("stage") != "search"]
    ok = [row for row in rows if row.get("status") == "ok"]
    basis = Basis(
        commonest(environment(row) for row in ok if "latency.unmerged_over_base.value" in row),
        _commonest_memory(ok),
    )
    metrics = Counter(str(row["quality.metric"]) for row in ok if "quality.metric" in row)
    majorities = [row["quality.majority"] for row in ok if "quality.majority" in row]
    return Study(
        model=str(found[0].get("model", "")),
        task=str(found[0].get("task", "")),
        metric=metrics.most_common(1)[0][0] if metrics else "quality",
        higher_is_better=all(row.get("quality.higher_is_better", True) for row in ok),
        majority=majorities[0] if majorities else None,
        entries=tuple(_entries(ok, basis, beside)),
        failures=tuple(_failure(row) for row in rows if row.get("status") not in ("ok", SKIPPED)),
        skipped=tuple(_failure(row) for row in rows if row.get("status") == SKIPPED),
        basis=basis,
        environments=tuple(Counter(environment(row) for row in ok).most_common()),
        rows=tuple(rows),
        searched=tuple(row for row in found if row.get("stage") == "search"),
        beside=beside,
    )


def _entries(rows: Sequence[Row], basis: Basis, beside: Mapping[str, Evidence]) -> list[Entry]:
    groups: dict[str, list[Row]] = defaultdict(list)
    recipes: dict[str, dict[str, Any]] = {}
    for row in rows:
        recipe = _recipe(row, beside)
        key = json.dumps([row["method"], row.get("size"), recipe], sort_keys=True, default=str)
        groups[key].append(row)
        recipes[key] = recipe
    labels = _labels({key: _label(group[0]) for key, group in groups.items()}, recipes)
    return [
        entry(sorted(group, key=lambda row: row.get("seed", 0)), labels[key], recipes[key], basis)
        for key, group in groups.items()
    ]


def _recipe(row: Row, beside: Mapping[str, Evidence]) -> dict[str, Any]:
    config = beside[str(row["trial"])].config
    recipe = {
        key: value
        for key, value in config.items()
        if key.partition(".")[0] not in ("model", "task", "seed", "sources") and value is not None
    }
    return recipe or {column: row[column] for column in RECIPE_COLUMNS if column in row}


def _label(row: Row) -> str:
    size = row.get("size")
    return str(row["method"]) if size is None else f"{row['method']} {size:g}"


def _labels(plain: dict[str, str], recipes: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Labels that tell recipes apart where method and size do not."""
    namesakes: dict[str, list[str]] = defaultdict(list)
    for key, label in plain.items():
        namesakes[label].append(key)
    labels = {}
    for label, keys in namesakes.items():
        for key in keys:
            differing = [
                f"{name.rpartition('.')[2]}={value}"
                for name, value in sorted(recipes[key].items())
                if any(recipes[other].get(name) != value for other in keys)
            ]
            labels[key] = f"{label} ({', '.join(differing)})" if differing else label
    return labels


def _failure(row: Row) -> Failure:
    return Failure(
        trial=str(row["trial"]),
        path=row.get("path"),
        label=f"{_label(row)}, seed {row['seed']:g}" if "seed" in row else _label(row),
        status=str(row.get("status", "unknown")),
        reason=str(row.get("reason", "no reason recorded")),
        predicted=row.get("memory.train.predicted"),
    )


def _commonest_memory(rows: Sequence[Row]) -> Any:
    counts = Counter(memory_basis(row) for row in rows if "memory.train.source" in row)
    return min(counts, key=lambda basis: (-counts[basis], repr(basis))) if counts else None


def _row(content: Mapping[Any, Any]) -> Row:
    """Without nulls, and memory by the number of adapters under a name for each number."""
    row = {
        str(key): value
        for key, value in content.items()
        if value is not None
        and not (isinstance(value, float) and isnan(value))
        and value is not pd.NaT
    }
    for served in row.pop("serving.adapters", ()):
        group = f"serving.adapters.{served['adapters']}"
        for key in ("bytes", "full_models_bytes"):
            if served.get(key) is not None:
                row[f"{group}.{key}"] = served[key]
    return row
