"""The records of one model on one task, which alone may be compared with each other."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.entry import Basis, Entry, entry, memory_basis
from harness.analysis.environment import Environment, commonest, environment
from harness.analysis.evidence import Evidence, Outcomes, evidence
from harness.analysis.figures import Row
from harness.analysis.replicates import Replicates, replicates
from harness.analysis.scores import Scores, pooled_scores
from harness.metrics.table import METRICS

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

    @cached_property
    def floor(self) -> Entry | None:
        """The frozen base with a fitted head: what a method must beat to be worth training."""
        return self.best([e for e in self.entries if e.family == "head"])

    @cached_property
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
        """Example by example, one per seed; None where a seed has none of the study's metric."""
        found = (self.beside[trial].outcomes for trial in of.trials)
        return [o if o is not None and o.metric == self.metric else None for o in found]

    def scores(self, of: Entry) -> Scores | None:
        """Example by example, averaged over seeds; None where they cannot be. Worked out once."""
        if of.label not in self._scores:
            self._scores[of.label] = pooled_scores(self.outcomes(of))
        return self._scores[of.label]

    def replicates(self, of: Entry) -> Replicates | None:
        """The metric on resamples of the test examples; None where it cannot be had. Worked out
        once.
        """
        if of.label not in self._replicates:
            metric = METRICS.get(self.metric)
            found = None if metric is None else replicates(metric, self.outcomes(of))
            self._replicates[of.label] = found
        return self._replicates[of.label]

    @cached_property
    def _scores(self) -> dict[str, Scores | None]:
        return {}

    @cached_property
    def _replicates(self) -> dict[str, Replicates | None]:
        return {}


def studies(frame: pd.DataFrame, beside: Mapping[str, Evidence] | None = None) -> tuple[Study, ...]:
    """The table taken apart by model and task, largest first.

    `beside` is what lies beside the records, read from the rows' paths unless given.
    """
    beside = evidence(frame) if beside is None else beside
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in _rows(frame):
        config = beside[str(row["trial"])].config
        setting = {k: v for k, v in config.items() if k.partition(".")[0] in ("model", "task")}
        key = json.dumps([row.get("model"), row.get("task"), setting], sort_keys=True, default=str)
        groups[key].append(row)
    found = [_study(rows, beside) for rows in groups.values()]
    return tuple(sorted(found, key=lambda s: (-len(s.entries), s.name)))


def _study(found: Sequence[Row], beside: Mapping[str, Evidence]) -> Study:
    rows = [row for row in found if row.get("stage") != "search"]
    ok = [row for row in rows if row.get("status") == "ok"]
    peak = _peak(ok)
    basis = Basis(_commonest_timed(ok), _commonest_memory(ok, peak), peak)
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
    alike: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        recipe = _recipe(row, beside)
        common = json.dumps([row["method"], row.get("size"), recipe], sort_keys=True, default=str)
        key = f"{common} {row.get('origin.run', '')}"
        groups[key].append(row)
        recipes[key] = recipe
        alike[common].add(key)
    for key in (key for keys in alike.values() if len(keys) > 1 for key in keys):
        # Somebody else's experiments that we see no difference between are no seeds of each other.
        recipes[key] = recipes[key] | {"run": groups[key][0].get("origin.run")}
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
    recipe = recipe or {column: row[column] for column in RECIPE_COLUMNS if column in row}
    if "origin.project" in row:  # somebody else's run is no further seed of ours
        recipe["origin"] = row["origin.project"]
    return recipe


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
        first = recipes[keys[0]]
        names = {name for key in keys for name in recipes[key]}
        differing = sorted(
            name for name in names if any(recipes[k].get(name) != first.get(name) for k in keys)
        )
        for key in keys:
            told = [
                f"{name.rpartition('.')[2]}={recipes[key][name]}"
                for name in differing
                if name in recipes[key]
            ]
            labels[key] = f"{label} ({', '.join(told)})" if told else label
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


def _commonest_timed(rows: Sequence[Row]) -> Environment | None:
    """Of those whose latency is known, and where there are none, whose training speed is."""
    for column in ("latency.unmerged_over_base.value", "training.examples_per_s"):
        found = commonest(environment(row) for row in rows if column in row)
        if found is not None:
            return found
    return None


def _peak(rows: Sequence[Row]) -> str:
    """Which peak all records of a study are told by: never some by one and some by the other."""
    known = [
        peak
        for peak in ("allocated", "reserved")
        if any(f"memory.train.{peak}_peak" in row for row in rows)
    ]
    return known[0] if known else "allocated"


def _commonest_memory(rows: Sequence[Row], peak: str) -> Any:
    counts = Counter(memory_basis(row) for row in rows if f"memory.train.{peak}_peak" in row)
    return min(counts, key=lambda basis: (-counts[basis], repr(basis))) if counts else None


def _rows(frame: pd.DataFrame) -> Sequence[Row]:
    """Without nulls, and memory by the number of adapters under a name for each number."""
    rows: list[dict[str, Any]] = [{} for _ in range(len(frame))]
    # By columns, since a row of a table is slow to come by.
    for name in frame.columns:
        values = frame[name].tolist()
        for place in np.flatnonzero(frame[name].notna()).tolist():
            rows[place][str(name)] = values[place]
    for row in rows:
        for served in row.pop("serving.adapters", ()):
            group = f"serving.adapters.{served['adapters']}"
            for key in ("bytes", "full_models_bytes"):
                if served.get(key) is not None:
                    row[f"{group}.{key}"] = served[key]
    return rows
