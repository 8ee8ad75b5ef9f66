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


def load_kind(name: str) -> type[Kind]:
    """The class behind `task.kind`."""
    module, _, attribute = KINDS[name].partition(":")
    found: type[Kind] = getattr(import_module(module), attribute)
    return found
