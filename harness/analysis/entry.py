"""One configuration of a method on one task: what its seeds' records say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.environment import Environment, elsewhere, environment
from harness.analysis.estimate import Estimate, pooled, unknown
from harness.analysis.figures import BITS, FIGURES, MEMORY, TIMES, Row, bits, estimate

IN_PLACE = "trained in place"
# Families that leave the base model's own weights as they are, so that one copy of the base can
# serve several of them in turn. Whatever peft adapts can be disabled, and is such a family too.
ON_ONE_BASE = ("bottleneck", "low_rank", "prompt", "rescale", "head")

# Options of a method whose base bitsandbytes quantises.
FOUR_BITS = "method.options.bnb_4bit_"

IF_MERGED = ("merged", "merged_batch", "merged_per_s", "mixed_over_merged",
             "one_at_a_time_over_merged", "merged_joules")  # fmt: skip
TIMED = ("latency", "latency.generation", "training", "serving")
MemoryBasis = tuple[Any, ...]
Curve = tuple[tuple[int, float], ...]
"""Steps and validation quality."""


@dataclass(frozen=True)
class Entry:
    """What can be picked: a method at a size, under one recipe, pooled over its seeds.

    `entry["quality"]` is the figure of that name: one of FIGURES, BITS, MEMORY and TIMES, or
    `deployed`, the latency ratio after merging where the method merges and as trained where it does
    not.
    """

    label: str
    method: str
    family: str
    size: int | None
    size_field: str | None
    trials: tuple[str, ...]
    paths: tuple[str | None, ...]
    seeds: tuple[int | None, ...]
    examples: int | None
    mergeable: bool | None
    merge_reason: str
    unstable: tuple[str, ...]
    """What of its timing varied too much in some seed: those of TIMED."""
    busy: bool
    """Whether other programs used the machine while some seed was measured."""
    elsewhere: tuple[str, ...]
    """How the places in which some seed was trained differ from where it was measured."""
    curves: tuple[Curve, ...]
    """Validation quality at a few steps of training, one curve per seed that has one."""
    recipe: Mapping[str, Any]
    figures: Mapping[str, Estimate]
    foreign: str = ""
    """Whose results it was read from, which run, and when that was made; empty where it is ours."""

    def __getitem__(self, figure: str) -> Estimate:
        return self.figures[figure]

    @property
    def in_place(self) -> bool:
        """Trained inside the base's own architecture, so that there is nothing to merge."""
        return self.merge_reason.startswith(IN_PLACE) or self.family in ("full", "head")

    @property
    def plain_when_deployed(self) -> bool:
        """Ends as the base's own architecture: no module is left that could cost time."""
        return bool(self.mergeable) or self.in_place

    @property
    def on_one_base(self) -> bool:
        return self.family in ON_ONE_BASE or self.method.startswith("peft/")

    @property
    def whole_base(self) -> str:
        """Why its base was not held in four bits; empty where it was, as its config says."""
        if any(key.startswith(FOUR_BITS) for key in self.recipe):
            return ""
        if "method.name" in self.recipe:
            return "its base was not held in four bits"
        return "its config is not recorded, so how its base was held is not known"


@dataclass(frozen=True)
class Basis:
    """What times and memory have in common where they may be compared."""

    time: Environment | None
    memory: MemoryBasis | None
    peak: str = "allocated"
    """Which peak `train_memory` is: where no record of a study knows the bytes that were allocated,
    it is for all of them what the allocator `reserved`.
    """


def memory_basis(row: Row) -> MemoryBasis:
    """Where peaks come from: who counted, and the accelerator if any.

    Versions of libraries are no part of it: of six published runs that were repeated with torch
    2.13, five came within 0.5% of what they had reserved with 2.7 or 2.9, full fine-tuning within
    5% (tests/plan/published_runs.csv).
    """
    return row.get("memory.train.source"), row.get("environment.gpu")


def entry(rows: Sequence[Row], label: str, recipe: Row, basis: Basis) -> Entry:
    """The entry of the rows of one configuration, one row per seed."""
    first = rows[0]
    reason = str(first.get("merge.reason", ""))
    mergeable = _mergeable(rows)
    figures = {name: pooled([bits(row, c) for row in rows]) for name, c in BITS.items()}
    memory = MEMORY | {"train_memory": f"memory.train.{basis.peak}_peak"}
    for names, obstacle in ((FIGURES, _none), (memory, _other_memory), (TIMES, _other_machine)):
        obstacles = [obstacle(row, basis) for row in rows]
        figures |= {name: _pool(rows, column, obstacles) for name, column in names.items()}
    if not mergeable:
        cannot = unknown(reason or "cannot be merged")
        figures |= {name: cannot for name in IF_MERGED if not figures[name].known}
    figures["deployed"] = figures["merged" if mergeable else "unmerged"]
    return Entry(
        label=label,
        method=str(first["method"]),
        family=str(first.get("family", "")),
        size=_whole(first.get("size")),
        size_field=first.get("size_field"),
        trials=tuple(str(row["trial"]) for row in rows),
        paths=tuple(row.get("path") for row in rows),
        seeds=tuple(_whole(row.get("seed")) for row in rows),
        examples=_whole(first.get("quality.n")),
        mergeable=mergeable,
        merge_reason=reason,
        unstable=tuple(
            kind for kind in TIMED if any(row.get(f"{kind}.stable") is False for row in rows)
        ),
        busy=any(row.get("environment.busy") is True for row in rows),
        elsewhere=tuple(dict.fromkeys(told for row in rows for told in elsewhere(row))),
        curves=tuple(curve for row in rows if (curve := _curve(row))),
        recipe=recipe,
        figures=figures,
        foreign=_foreign(first),
    )


def _pool(rows: Sequence[Row], column: str, obstacles: Sequence[str]) -> Estimate:
    return pooled([estimate(row, column, o) for row, o in zip(rows, obstacles, strict=True)])


def _curve(row: Row) -> Curve:
    points = ((point["step"], point["validation"]) for point in row.get("training.curve", ()))
    return tuple((int(step), float(value)) for step, value in points if value is not None)


def _foreign(row: Row) -> str:
    if "origin.project" not in row:
        return ""
    facts = (row.get(f"origin.{name}") for name in ("project", "run", "created_at"))
    return ", ".join(str(fact) for fact in facts if fact is not None)


def _none(row: Row, basis: Basis) -> str:
    return ""


def _other_memory(row: Row, basis: Basis) -> str:
    """Why the row's memory may not be compared; empty where it may."""
    if basis.memory is None or memory_basis(row) == basis.memory:
        return ""
    counted, gpu = memory_basis(row)
    return f"not comparable (counted by {counted or 'unknown source'}, on {gpu or 'no GPU'})"


def _other_machine(row: Row, basis: Basis) -> str:
    """Why the row's times may not be compared; empty where they may."""
    own = environment(row)
    if basis.time is None or own == basis.time:
        return ""
    return f"not comparable (measured with {own.differs_from(basis.time)})"


def _mergeable(rows: Sequence[Row]) -> bool | None:
    """False where one trial could not be merged; None where a trial does not say, as of published
    runs.
    """
    said = [row.get("merge.mergeable") for row in rows]
    if any(each is False for each in said):
        return False
    return True if all(each is True for each in said) else None


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
