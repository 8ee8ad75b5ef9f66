"""The selector as a form: which limits, needs and preferences a reader can set, and their words."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis import numbers
from harness.analysis.constraints import BYTES, LIMITS, NEEDS, PREFERENCES, more_is_better
from harness.report.style import FAMILIES
from harness.report.subject import Subject

TITLES = {
    "quality": "Quality",
    "deployed": "Latency",
    "train_memory": "Training peak",
    "inference_memory": "Inference peak",
    "file_bytes": "File",
    "adapter_bytes": "Memory per further adapter",
    "forgetting": "Forgetting",
    "capacity": "Capacity",
    "trainable": "Trained parameters",
}
NEED_WORDS = {
    "merge": "ends as the base's own architecture, merged or trained in place",
    "hot_swap": "leaves the base's weights alone, so that adapters can be swapped",
    "mixed_batches": "answers requests for several adapters in one batch",
    "quantised_base": "trains on a base in four bits",
}
WAYS = {"max_latency_ratio": "ratio", "max_forgetting": "nats", "min_capacity": "significant"}


@dataclass(frozen=True)
class Limit:
    """A slider with a box beside it. The box counts in `unit`, which is `per` of the figure's own;
    `show` is the page's way to tell the limit in words.
    """

    name: str
    title: str
    unit: str
    per: float
    show: str
    more: bool


@dataclass(frozen=True)
class Option:
    name: str
    title: str


@dataclass(frozen=True)
class Selector:
    limits: tuple[Limit, ...]
    needs: tuple[Option, ...]
    preferences: tuple[Option, ...]
    families: tuple[Option, ...]


def selector(subject: Subject) -> Selector | None:
    """Without limits that could rule nothing out; None where there is nothing to choose from."""
    if subject.best is None:
        return None
    preferences = [name for name in PREFERENCES if any(e[name].known for e in subject.entries)]
    return Selector(
        tuple(_limit(subject, name) for name, of in LIMITS.items() if _differ(subject, of)),
        tuple(Option(name, NEED_WORDS[name]) for name in NEEDS),
        tuple(Option(name, _preferred(subject, name)) for name in preferences),
        tuple(
            Option(family, FAMILIES.get(family, family))
            for family in dict.fromkeys(family for _, family in subject.methods)
        ),
    )


def _limit(subject: Subject, name: str) -> Limit:
    figure = LIMITS[name]
    more = more_is_better(name, subject.study)
    title = f"{TITLES[figure]}, at {'least' if more else 'most'}"
    if name in BYTES:
        unit, size = numbers.bytes_unit(entry[figure].value for entry in subject.entries)
        return Limit(name, title, unit, size, "bytes", more)
    if figure == "quality":
        per = 0.01 if subject.in_points else 1.0
        show = "points" if subject.in_points else "significant"
        return Limit(name, title, subject.quality_unit, per, show, more)
    unit = {"deployed": "× base", "forgetting": "nats per token", "capacity": "bits"}[figure]
    return Limit(name, title, unit, 1.0, WAYS[name], more)


def _preferred(subject: Subject, figure: str) -> str:
    if figure == "quality":
        return f"best {subject.study.metric}"
    words = {
        "capacity": "most capacity",
        "file_bytes": "smallest file",
        "trainable": "fewest trained parameters",
    }
    return words.get(figure, f"least {TITLES[figure].lower()}")


def _differ(subject: Subject, figure: str) -> bool:
    return len({entry[figure].value for entry in subject.entries} - {None}) > 1
