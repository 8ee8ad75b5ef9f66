"""A peft tuner whose model answers a batch with one adapter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from peft.tuners.tuners_utils import BaseTuner
from torch import nn


class SingleTuner(BaseTuner):
    """Refuses `adapter_names`: peft drops it, and the active adapter would answer the batch."""

    # No defaults by model name: places come from the model's structure.
    target_module_mapping: ClassVar[dict[str, list[str]]] = {}  # type: ignore[misc]

    def wrap(
        self, target: nn.Module, wrapped: nn.Module, adapter: str, parent: nn.Module, name: str
    ) -> None:
        """Put `wrapped` in the place of `target`; it is trained if its adapter is at work."""
        if adapter not in self.active_adapters:
            wrapped.requires_grad_(False)
        self._replace_module(parent, name, wrapped, target)

    @contextmanager
    def _enable_peft_forward_hooks(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        if kwargs.get("adapter_names") is not None:
            kind = type(self).__name__
            raise ValueError(f"{kind} serves one adapter at a time: give no adapter_names")
        yield
