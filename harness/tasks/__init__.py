"""The kinds of task. The table holds names, so that looking one up costs no import of torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.tasks.classification import Classification

KINDS = {"classification": "harness.tasks.classification:Classification"}


def kind(name: str) -> type[Classification]:
    """The class behind `task.kind`."""
    module, _, attribute = KINDS[name].partition(":")
    found: type[Classification] = getattr(import_module(module), attribute)
    return found
