"""What a pick must keep to, what is best among those that do, and what each entry misses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from harness.analysis.entry import Entry
from harness.analysis.numbers import bytes_unit, in_bytes, rounded, significant
from harness.analysis.study import Study
from harness.errors import ConfigError, nearest

NEEDS = ("merge", "hot_swap", "mixed_batches", "quantised_base")
PREFERENCES = (
    "quality",
    "capacity",
    "forgetting",
    "train_memory",
    "inference_memory",
    "deployed",
    "file_bytes",
    "adapter_bytes",
    "trainable",
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


@dataclass(frozen=True)
class Constraints:
    """What a pick must keep to; None asks nothing. Bytes, a ratio to the base, forgetting in nats
    per token, capacity in bits, quality as recorded.

    `needs`: "merge" asks for a model that ends as the base's own architecture, "hot_swap" for one
    that leaves the base's weights alone, so that adapters of several tasks share one copy; its
    latency then counts unmerged. "mixed_batches" asks for one that was seen to answer requests for
    several adapters in one batch, "quantised_base" for one whose base was held in four bits.
    `prefer` says what is best among those that keep to all of it.
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

    def cost(self, entry: Entry) -> float:
        """The preferred figure, turned so that less is better; of quality, 0 for all. It must be
        known.
        """
        if self.prefer == "quality":
            return 0.0
        value = entry[self.preferred].value
        assert value is not None
        return -value if self.prefer == "capacity" else value


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


def violations(entry: Entry, constraints: Constraints, study: Study) -> tuple[Violation, ...]:
    """All that an entry does not keep to; what was not measured keeps to no limit."""
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
    for need in constraints.needs:
        reason = unmet(entry, need)
        if reason:
            found.append(Violation("needs", None, None, f"{need}: {reason}"))
    return tuple(found)


def ordered(study: Study, entries: Iterable[Entry], constraints: Constraints) -> list[Entry]:
    """Best first, by the preference and among equals by quality; those alone of which both are
    known.
    """
    known = [
        entry
        for entry in study.by_quality(entries)
        if constraints.prefer == "quality" or entry[constraints.preferred].known
    ]
    return sorted(known, key=constraints.cost)


def more_is_better(limit: str, study: Study) -> bool:
    """Whether a figure keeps to a limit by being at least as high."""
    return study.higher_is_better if limit == "min_quality" else limit.startswith("min_")


def show(limit: str, value: float, digits: int = 3) -> str:
    """A limit as people read it."""
    return in_bytes(value, digits) if limit in BYTES else significant(value, digits)


def show_beyond(limit: str, value: float, up: bool) -> str:
    """The same to four digits that lie at the value or beyond it, so that who types them in gets
    what he was told.
    """
    size = bytes_unit([value])[1] if limit in BYTES else 1
    return show(limit, rounded(value / size, up) * size, 4)


def unmet(entry: Entry, need: str) -> str:
    """Why an entry does not meet one of NEEDS; empty where it does."""
    if need == "merge":
        return "" if entry.plain_when_deployed else entry.merge_reason or "cannot be merged"
    if need == "hot_swap":
        return "" if entry.on_one_base else "it changes the base's own weights"
    if need == "mixed_batches":
        mixed = entry["mixed_per_s"]
        return "" if mixed.known else mixed.reason or "not measured"
    return entry.whole_base


def _beyond(
    entry: Entry, limit: str, bound: float, constraints: Constraints, study: Study
) -> list[Violation]:
    estimate = entry[constraints.figure(limit)]
    if estimate.value is None:
        return [Violation(limit, bound, None, f"{limit}: {estimate.reason}")]
    higher = more_is_better(limit, study)
    kept = estimate.value >= bound if higher else estimate.value <= bound
    if kept:
        return []
    sign = "<" if higher else ">"
    told = f"{limit}: {_told_apart(limit, estimate.value, sign, bound)}"
    return [Violation(limit, bound, estimate.value, told)]


def _told_apart(limit: str, value: float, sign: str, bound: float) -> str:
    """With as many digits as it takes to see that they differ."""
    texts = ("", "")
    for digits in range(3, 18):
        texts = show(limit, value, digits), show(limit, bound, digits)
        if texts[0] != texts[1]:
            break
    return f"{texts[0]} {sign} {texts[1]}"
