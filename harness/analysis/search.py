"""What the searches for learning rates of a study tried, and what each of them came to."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Any, Literal

from harness.analysis.entry import Entry
from harness.analysis.figures import Row
from harness.analysis.study import SKIPPED, Failure, Study
from harness.rungs import Scores, chosen, edge

RATE, STEPS, BATCH = "train.learning_rate", "train.steps", "train.batch_size"
# What a search changes in the trials of a configuration, and what a study has in common.
APART = (RATE, STEPS, "seed", "stage", "sources")
APART_GROUPS = ("model", "task", "measure")
NO_FINALS: dict[int | None, list[Entry]] = {None: []}


@dataclass(frozen=True)
class Tried:
    """The rates that were trained for so many steps: mean validation over the search's seeds."""

    steps: int
    scores: Scores


@dataclass(frozen=True)
class Search:
    """The search of one configuration, its rungs from the shortest to the longest.

    `entry` is what was run at the chosen rate; `examples` are those of all its trials, had each
    gone to its end.
    """

    label: str
    method: str
    size: int | None
    rungs: tuple[Tried, ...]
    seeds: tuple[int, ...]
    trials: int
    failed: int
    examples: int
    higher_is_better: bool
    entry: Entry | None = None

    @cached_property
    def widest(self) -> Tried:
        """The rung that has all rates: the others have what it left of them."""
        return max(self.rungs, key=lambda rung: len(rung.scores))

    @cached_property
    def chosen(self) -> float | None:
        scores = [rung.scores for rung in self.rungs]
        return chosen(scores, list(self.widest.scores), self.higher_is_better)

    @property
    def at_edge(self) -> Literal["low", "high"] | None:
        """The end of the grid at which the chosen rate lies."""
        return None if self.chosen is None else edge(self.chosen, list(self.widest.scores))

    @property
    def longest(self) -> Tried:
        """The last rung that had the chosen rate; without one, the last."""
        having = [rung for rung in self.rungs if self.chosen in rung.scores]
        return having[-1] if having else self.rungs[-1]

    @property
    def validation(self) -> float | None:
        """Of the chosen rate, in the longest rung that had it."""
        return None if self.chosen is None else self.longest.scores[self.chosen]

    @property
    def spread(self) -> float | None:
        """Between the best and the worst rate of the rung that has all; None for fewer than two."""
        known = [score for score in self.widest.scores.values() if score is not None]
        return max(known) - min(known) if len(known) > 1 else None

    @property
    def budget(self) -> tuple[tuple[tuple[int, int], ...], int, int]:
        """What must be alike for a fair comparison: rates and steps of rungs, trials, examples."""
        rungs = tuple((len(rung.scores), rung.steps) for rung in self.rungs)
        return rungs, self.trials, self.examples


def searches(study: Study) -> tuple[Search, ...]:
    """One per configuration and length of its final trials, in the order of the study's entries.

    A configuration is linked to its search by its method's options and its recipe without rate and
    steps; of several lengths, each has what was tried up to its own.
    """
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in study.searched:
        config = _config(study, row)
        known = "seed" in row and all(config.get(name) is not None for name in (RATE, STEPS, BATCH))
        if row.get("status") != SKIPPED and known:
            rows[_key(config)].append(row)
    lengths: dict[str, dict[int | None, list[Entry]]] = {key: {} for key in rows}
    for entry in study.entries:
        if {RATE, STEPS} <= entry.recipe.keys() and (key := _key(entry.recipe)) in rows:
            lengths[key].setdefault(entry.recipe[STEPS], []).append(entry)
    found = [
        search
        for key, by_length in lengths.items()
        for length, entries in (by_length or NO_FINALS).items()
        if (search := _search(study, rows[key], length, entries))
    ]
    place = {entry.label: place for place, entry in enumerate(study.entries)}
    return tuple(sorted(found, key=lambda s: (place.get(s.label, len(place)), s.label)))


def unsearched(study: Study, found: Iterable[Search]) -> tuple[Entry, ...]:
    """The entries that are trained by steps, and not at a rate that a search chose."""
    by_steps = {str(row["trial"]) for row in study.rows if "training.steps" in row}
    tuned = {search.entry.label for search in found if search.entry}
    return tuple(
        e for e in study.entries if e.label not in tuned and not by_steps.isdisjoint(e.trials)
    )


def search_failures(study: Study) -> tuple[Failure, ...]:
    """The trials of searches that did not end well."""
    return tuple(
        Failure(
            trial=str(row["trial"]),
            path=row.get("path"),
            label=_name_of_trial(study, row),
            status=str(row.get("status", "unknown")),
            reason=str(row.get("reason", "no reason recorded")),
            predicted=None,
        )
        for row in study.searched
        if row.get("status") not in ("ok", SKIPPED)
    )


def _search(
    study: Study, rows: Sequence[Row], length: int | None, entries: Sequence[Entry]
) -> Search | None:
    """What of these rows is no longer than the final trials; None where that is nothing."""
    configs = [(row, _config(study, row)) for row in rows]
    own = [(row, c) for row, c in configs if length is None or c[STEPS] <= length]
    if not own:
        return None
    scores: dict[int, dict[float, list[float | None]]] = defaultdict(lambda: defaultdict(list))
    for row, config in own:
        scores[config[STEPS]][config[RATE]].append(row.get("quality.validation"))
    rungs = (
        Tried(steps, {rate: _mean(values) for rate, values in sorted(by_rate.items())})
        for steps, by_rate in sorted(scores.items())
    )
    first = own[0][0]
    made = Search(
        label=_label(first),
        method=str(first["method"]),
        size=None if first.get("size") is None else int(first["size"]),
        rungs=tuple(rungs),
        seeds=tuple(sorted({int(row["seed"]) for row, _ in own})),
        trials=len(own),
        failed=sum(row.get("status") != "ok" for row, _ in own),
        examples=sum(config[STEPS] * config[BATCH] for _, config in own),
        higher_is_better=study.higher_is_better,
    )
    entry = next((e for e in entries if e.recipe[RATE] == made.chosen), None)
    return replace(made, label=entry.label, entry=entry) if entry else made


def _mean(values: Sequence[float | None]) -> float | None:
    """None where a seed did not end well."""
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None


def _config(study: Study, row: Row) -> Mapping[str, Any]:
    return study.beside[str(row["trial"])].config


def _key(config: Mapping[str, Any]) -> str:
    own = {
        name: value
        for name, value in config.items()
        if value is not None and name not in APART and name.partition(".")[0] not in APART_GROUPS
    }
    return json.dumps(own, sort_keys=True, default=str)


def _label(row: Row) -> str:
    size = row.get("size")
    return str(row["method"]) if size is None else f"{row['method']} {size:g}"


def _name_of_trial(study: Study, row: Row) -> str:
    config = _config(study, row)
    rate, steps = config.get(RATE), config.get(STEPS)
    at = "" if rate is None or steps is None else f" at learning rate {rate:g}, {steps} steps"
    return f"search of {_label(row)}{at}"
