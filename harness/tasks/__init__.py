"""The kinds of task. The table holds names, so that looking one up costs no import of torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.tasks.kind import Kind

KINDS = {
    "classification": "harness.tasks.classification:Classification",
    "regression": "harness.tasks.regression:Regression",
    "tokens": "harness.tasks.tagging:Tagging",
    "generation": "harness.tasks.generation:Generation",
}

METRICS = {
    "classification": ("accuracy", "macro_f1"),
    "regression": ("spearman", "pearson"),
    "tokens": ("entity_f1",),
    "generation": ("exact_match", "rouge_l", "chrf", "perplexity"),
}
"""What the answers of a kind may be scored by; harness.metrics.table says how."""


def load_kind(name: str) -> type[Kind]:
    """The class behind `task.kind`."""
    module, _, attribute = KINDS[name].partition(":")
    found: type[Kind] = getattr(import_module(module), attribute)
    return found
