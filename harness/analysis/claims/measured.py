"""The figures that claims are about: which there are, how they are told, how sure they are."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Annotated

from pydantic import AfterValidator, Field

from harness.analysis import numbers
from harness.analysis.entry import Entry
from harness.analysis.figures import BITS, FIGURES, MEMORY, TIMES
from harness.errors import nearest

QUALITIES = ("quality", "validation", "after_merge")
KNOWN = sorted(set(FIGURES) | set(BITS) | set(MEMORY) | set(TIMES) | {"deployed"})
RATIOS = (
    *("unmerged", "merged", "deployed", "unmerged_batch", "merged_batch"),
    *("prefill_unmerged", "decode_unmerged", "prefill_merged", "decode_merged"),
)
# Counted, not sampled: one record suffices, and two that differ do differ.
COUNTED = {"trainable", "adapter", "share", "file_bytes", "merge_error", "mixed_error", *MEMORY}


def _figure(name: str) -> str:
    if name in QUALITIES:
        raise ValueError("qualities have tests of their own: better, as_good, ranking")
    if name not in KNOWN:
        raise ValueError(nearest(name, [figure for figure in KNOWN if figure not in QUALITIES]))
    return name


def _ratio(name: str) -> str:
    if name not in RATIOS:
        raise ValueError(nearest(name, RATIOS))
    return name


Figure = Annotated[str, AfterValidator(_figure)]
RatioToBase = Annotated[str, AfterValidator(_ratio)]
Margin = Annotated[float, Field(ge=0, lt=1)]
Bound = Annotated[float, Field(ge=0)]


def _to_base(ratio: float) -> str:
    return f"{ratio:.3f}"


_NAMES: dict[str, tuple[str, Callable[[float], str]]] = {
    "trainable": ("trained parameters", numbers.count),
    "capacity_parameters": ("trained parameters", numbers.count),
    "adapter": ("stored parameters", numbers.count),
    "file_bytes": ("stored file", numbers.in_bytes),
    "train_memory": ("training peak", numbers.in_bytes),
    "inference_memory": ("inference peak", numbers.in_bytes),
    "adapter_bytes": ("memory per further adapter", numbers.in_bytes),
    "capacity": ("capacity", numbers.significant),
    "forgetting": ("forgetting", numbers.nats),
    "step_ms": ("time of a training step", numbers.significant),
    "examples_per_s": ("training speed", numbers.significant),
    "merge_error": ("largest change of a logit by merging", numbers.significant),
    **dict.fromkeys(RATIOS, ("latency over the base", _to_base)),
    "unmerged": ("latency over the base (unmerged)", _to_base),
    "merged": ("latency over the base (merged)", _to_base),
    "unmerged_batch": ("latency over the base in batches (unmerged)", _to_base),
    "merged_batch": ("latency over the base in batches (merged)", _to_base),
    "prefill_unmerged": ("time to the first token over the base (unmerged)", _to_base),
    "prefill_merged": ("time to the first token over the base (merged)", _to_base),
    "decode_unmerged": ("time per further token over the base (unmerged)", _to_base),
    "decode_merged": ("time per further token over the base (merged)", _to_base),
}
_UNITS = {
    **dict.fromkeys(RATIOS, "×"),
    "capacity": " bits",
    "forgetting": " nats per token",
    "step_ms": " ms",
    "examples_per_s": " examples/s",
}


def name(figure: str) -> str:
    return _NAMES[figure][0] if figure in _NAMES else figure.replace("_", " ")


def show(figure: str) -> Callable[[float], str]:
    if figure in _NAMES:
        return _NAMES[figure][1]
    return numbers.in_bytes if figure in MEMORY else numbers.significant


def interval(entry: Entry, figure: str) -> tuple[float, float] | None:
    """The 95% bounds; those of a counted figure are the figure itself. None where a figure was
    sampled and has no bounds, as a time of one seed has none.
    """
    estimate = entry[figure]
    if estimate.value is None:
        return None
    if estimate.low is not None and estimate.high is not None:
        return estimate.low, inf if estimate.at_least else estimate.high
    return (estimate.value, estimate.value) if figure in COUNTED else None


def told(entry: Entry, figure: str) -> str:
    """lora 8 (1.012×, 1.006–1.018)."""
    return f"{entry.label} ({amount(entry, figure)})"


def amount(entry: Entry, figure: str) -> str:
    """The figure with its unit and, where it has one, its interval; or why it is not known."""
    estimate, shown = entry[figure], show(figure)
    if estimate.value is None:
        return estimate.reason
    at_least = "at least " if estimate.at_least else ""
    words = f"{at_least}{shown(estimate.value)}{_UNITS.get(figure, '')}"
    if estimate.low is not None and estimate.high is not None and not estimate.at_least:
        words += f", {numbers.between(shown(estimate.low), shown(estimate.high))}"
    elif interval(entry, figure) is None:
        words += ", no interval" if len(entry.seeds) > 1 else ", one seed and no interval"
    return words
