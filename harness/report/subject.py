"""A study with what every part of its page needs, worked out once."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from harness.analysis import numbers
from harness.analysis.entry import Entry
from harness.analysis.estimate import Estimate, unknown
from harness.analysis.mixed import Mixed, mixed
from harness.analysis.nulls import Verdict, verdict
from harness.analysis.pareto import front
from harness.analysis.prediction import Predicted, predictions
from harness.analysis.scenarios import Answer, answers
from harness.analysis.search import Search, searches
from harness.analysis.study import Study
from harness.analysis.ties import Place, ranking
from harness.analysis.time_to_floor import time_to_floor
from harness.analysis.triangle import (
    Sensitivity,
    Triangle,
    alternatives,
    capacity_figure,
    sensitivity,
    triangle,
)
from harness.metrics.table import SHARES
from harness.report import style

COSTS = ("train_memory", "unmerged", "trainable")
"""Figures that quality is traded for."""
DRAWN = 30
"""Most rows of a chart that has a row per configuration, where the page has few studies."""
MOST = 300
"""Most configurations that are drawn one by one in a plane: more of them hide each other."""


@dataclass(frozen=True)
class Told:
    """A figure in words, with its interval where that is `bounded`."""

    name: str
    figure: str
    show: Callable[[float], str]
    unit: str = ""
    bounded: bool = False

    def line(self, estimate: Estimate) -> str:
        shown = estimate if self.bounded else Estimate(estimate.value)
        return f"{self.name} {numbers.with_interval(shown, self.show)} {self.unit}".rstrip()


@dataclass(frozen=True)
class Subject:
    """`most` is how many configurations have a mark in each plane and a row in each long table;
    `stilled` says whether its figures have still pictures.
    """

    study: Study
    most: int = MOST
    stilled: bool = True

    @property
    def entries(self) -> Sequence[Entry]:
        return self.study.entries

    @cached_property
    def best(self) -> Entry | None:
        return self.study.best()

    @cached_property
    def index(self) -> dict[str, int]:
        """The place of each label among the entries, by which the page's scripts know it."""
        return {entry.label: place for place, entry in enumerate(self.entries)}

    @cached_property
    def by_trial(self) -> dict[str, Entry]:
        """The entry that each finished trial is part of."""
        return {trial: entry for entry in self.entries for trial in entry.trials}

    @cached_property
    def predicted(self) -> list[Predicted]:
        """The peaks of finished trials that were predicted before they were measured."""
        return predictions(row for row in self.study.rows if str(row["trial"]) in self.by_trial)

    @cached_property
    def mixed(self) -> Mixed:
        return mixed(self.study)

    @cached_property
    def searches(self) -> tuple[Search, ...]:
        return searches(self.study)

    @cached_property
    def places(self) -> dict[str, Place]:
        return ranking(self.study, self.entries)

    @cached_property
    def sharing(self) -> Counter[int]:
        """How many entries share each rank."""
        return Counter(place.rank for place in self.places.values())

    @cached_property
    def in_order(self) -> list[Entry]:
        """Best quality first, those without a quality last."""
        known = self.study.by_quality(self.entries)
        return [*known, *(e for e in self.entries if not e["quality"].known)]

    @cached_property
    def tied_with_best(self) -> list[Entry]:
        """Those that cannot be told from the best, without the best itself."""
        if self.best is None:
            return []
        first = self.places[self.best.label].rank
        tied = {label for label, place in self.places.items() if place.rank == first}
        return [e for e in self.in_order if e.label in tied and e is not self.best]

    @cached_property
    def few(self) -> list[Entry]:
        """All entries, or where those are too many to be drawn one by one, the best of each method
        and then the best of the rest.
        """
        most = min(DRAWN, max(20, self.most // 10))
        chosen = self._chosen(self._best_by(lambda e: e.method), most)
        return [entry for entry in self.in_order if entry.label in chosen]

    @cached_property
    def drawn(self) -> list[Entry]:
        """All entries, or where those are too many to be told apart in a plane, the best of each
        method, what is on a front, the best at each size, and then the best of the rest.
        """
        if len(self.entries) <= self.most:
            return list(self.entries)
        fronts = [e for figure in COSTS for e in self.on_front(figure)]
        sizes = self._best_by(lambda e: (e.method, e.size))
        chosen = self._chosen([*self._best_by(lambda e: e.method), *fronts, *sizes], self.most)
        return [entry for entry in self.entries if entry.label in chosen]

    @property
    def drawn_words(self) -> str:
        """Which are drawn where not all are; empty where all are."""
        if len(self.drawn) == len(self.entries):
            return ""
        return (
            f"Shown are {len(self.drawn):,} of {len(self.entries):,} configurations: the best of "
            "each method, those on the fronts of the trade-offs, the best at each size, then the "
            "best of the rest. The methods table has all."
        )

    def on_front(self, figure: str) -> list[Entry]:
        """Those that no other beats in both quality and a figure of which less is better, the
        lowest figure first.
        """
        if figure not in self._fronts:
            known = [e for e in self.entries if e["quality"].known and e[figure].known]
            pairs = [(e[figure].value or 0.0, e["quality"].value or 0.0) for e in known]
            mask = front(pairs, (False, self.study.higher_is_better))
            kept = [entry for entry, on_it in zip(known, mask, strict=True) if on_it]
            self._fronts[figure] = sorted(kept, key=lambda e: e[figure].value or 0.0)
        return self._fronts[figure]

    @cached_property
    def _fronts(self) -> dict[str, list[Entry]]:
        return {}

    def _best_by(self, key: Callable[[Entry], object]) -> list[Entry]:
        """The best entry of each kind."""
        first: dict[object, Entry] = {}
        for entry in self.in_order:
            first.setdefault(key(entry), entry)
        return list(first.values())

    def _chosen(self, first: list[Entry], most: int) -> set[str]:
        """Labels of the first and then the best of the rest, so many of them at most."""
        wanted = dict.fromkeys(entry.label for entry in [*first, *self.in_order])
        return set(list(wanted)[:most])

    @cached_property
    def verdict(self) -> Verdict:
        return verdict(self.entries)

    @cached_property
    def triangle(self) -> Triangle:
        return triangle(self.study)

    @cached_property
    def capacity_figure(self) -> str:
        return capacity_figure(self.study)

    @cached_property
    def times_to_floor(self) -> dict[str, Estimate]:
        """Seconds by label."""
        return {entry.label: time_to_floor(self.study, entry) for entry in self.entries}

    @cached_property
    def alternatives(self) -> tuple[Triangle, ...]:
        return alternatives(self.study)

    @cached_property
    def sensitivity(self) -> tuple[Sensitivity, ...]:
        return sensitivity(self.triangle, self.alternatives)

    @cached_property
    def answers(self) -> tuple[Answer, ...]:
        """Of the scenarios that ship."""
        return answers(self.study) if self.best is not None else ()

    @cached_property
    def shapes(self) -> dict[str, style.Shape]:
        return style.shapes(entry.method for entry in self.entries)

    def shape(self, entry: Entry) -> style.Shape:
        """The method's, as an outline where the figures are somebody else's."""
        return replace(self.shapes[entry.method], pale=bool(entry.foreign))

    @property
    def unstilled(self) -> str:
        """What stands in the place of stills where there are none."""
        setting = [f"study.model={self.study.model}", f"study.task={self.study.task}"]
        return (
            "Still pictures are of the largest studies of a page. "
            f"python -m harness.report {shlex.join(setting)} out=… makes a page of this study "
            "alone."
        )

    @property
    def peak_words(self) -> str:
        """What training memory is."""
        return f"{self.study.basis.peak} memory"

    @cached_property
    def methods(self) -> list[tuple[str, str]]:
        """Every method with its family, families together."""
        families = {entry.method: entry.family for entry in self.entries}
        order = [*style.FAMILIES, *families.values()]
        return sorted(families.items(), key=lambda pair: (order.index(pair[1]), pair[0]))

    @staticmethod
    def token(family: str) -> str:
        return style.token(family)

    @cached_property
    def sizes(self) -> dict[str, float]:
        """Mark diameters by label."""
        by_method: dict[str, list[int | None]] = {}
        for entry in self.entries:
            by_method.setdefault(entry.method, []).append(entry.size)
        return {e.label: style.mark_size(e.size, by_method[e.method]) for e in self.entries}

    @property
    def lead(self) -> str:
        """What was run, and on what."""
        study = self.study
        trials = sum(len(entry.trials) for entry in self.entries)
        told = f"{numbers.plural(len(self.entries), 'configuration')} of "
        told += (
            f"{numbers.plural(len(self.methods), 'method')} in {numbers.plural(trials, 'trial')}"
        )
        if study.basis.time is not None:
            told += f", timed on {study.basis.time.name}"
        if study.failures:
            told += f"; {numbers.plural(len(study.failures), 'more trial')} failed"
        if study.skipped:
            told += f"; {numbers.plural(len(study.skipped), 'trial')} left out beforehand"
        return f"{told}."

    def shape_words(self, group: str) -> str:
        """The commonest request of a latency group: 1 × 32 tokens."""
        shapes = Counter(
            (row[f"{group}.batch_size"], row[f"{group}.sequence_length"])
            for row in self.study.rows
            if f"{group}.batch_size" in row
        )
        if not shapes:
            return "not measured"
        (batch, tokens), _ = shapes.most_common(1)[0]
        return f"{numbers.plural(int(batch), 'request')} of {int(tokens)} tokens"

    @property
    def in_points(self) -> bool:
        return self.study.metric in SHARES

    @property
    def quality_unit(self) -> str:
        return "points" if self.in_points else self.study.metric

    @property
    def quality_title(self) -> str:
        """The metric, its unit where it has one, and which way is better where that is down."""
        if self.in_points:
            return f"{self.study.metric} (points)"
        return self.study.metric + ("" if self.study.higher_is_better else " (lower is better)")

    def show_quality(self, value: float) -> str:
        return numbers.points(value) if self.in_points else numbers.significant(value)

    def show_gain(self, value: float) -> str:
        if self.in_points:
            return numbers.signed_points(value)
        return f"{'+' if value > 0 else ''}{numbers.significant(value)}".replace("-", "−")

    @property
    def capacity_words(self) -> str:
        """What capacity means in the triangle."""
        if self.capacity_figure == "capacity":
            return "Capacity is the bits of random labels that are held, on a log scale."
        known = sum(entry["capacity"].known for entry in self.entries)
        count = f"only {known} of {len(self.entries)} configurations" if known else "none"
        return (
            f"Bits of random labels held, which is what capacity means, were measured for {count}; "
            "the quality gained over the floor stands in for them."
        )

    def gain(self, entry: Entry) -> float | None:
        """Over the floor, positive where better."""
        floor = self.study.floor
        if floor is None or floor["quality"].value is None or entry["quality"].value is None:
            return None
        sign = 1 if self.study.higher_is_better else -1
        return sign * (entry["quality"].value - floor["quality"].value)

    def estimate(self, entry: Entry, figure: str) -> Estimate:
        """A figure of the entry, or what only the whole study can say of it: its `gain` over the
        floor, positive where better, and the seconds `to_floor`.
        """
        if figure == "to_floor":
            return self.times_to_floor[entry.label]
        if figure != "gain":
            return entry[figure]
        if entry is self.study.floor:
            return unknown("it is the floor")
        gained = self.gain(entry)
        return unknown("no floor to compare with") if gained is None else Estimate(gained)

    @cached_property
    def told(self) -> tuple[Told, ...]:
        """What is said of an entry wherever it is pointed at."""
        return (
            Told("quality", "quality", self.show_quality, self.quality_unit, True),
            Told("capacity", "capacity", numbers.significant, "bits", True),
            Told("forgetting", "forgetting", numbers.nats, "nats per token", True),
            Told("time to floor", "to_floor", numbers.seconds, "s", True),
            Told("training peak", "train_memory", numbers.in_bytes),
            Told("latency unmerged", "unmerged", numbers.ratio),
            Told("latency merged", "merged", numbers.ratio),
            Told("prefill unmerged", "prefill_unmerged", numbers.ratio),
            Told("prefill merged", "prefill_merged", numbers.ratio),
            Told("decode unmerged", "decode_unmerged", numbers.ratio),
            Told("decode merged", "decode_merged", numbers.ratio),
            Told("trained", "trainable", numbers.count),
            Told("file", "file_bytes", numbers.in_bytes),
        )

    def hover(self, entry: Entry) -> tuple[str, ...]:
        """The entry's name and what is told of it, a line for each figure that is known."""
        known = [(it, self.estimate(entry, it.figure)) for it in self.told]
        foreign = (f"foreign: {entry.foreign}",) if entry.foreign else ()
        return entry.label, *foreign, *(it.line(figure) for it, figure in known if figure.known)


def bounds(estimate: Estimate) -> tuple[float, float] | None:
    if estimate.low is None or estimate.high is None:
        return None
    return estimate.low, estimate.high
