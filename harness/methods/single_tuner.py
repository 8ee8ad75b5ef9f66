"""A peft tuner whose model answers a batch with one adapter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peft.tuners.tuners_utils import BaseTuner


class SingleTuner(BaseTuner):
    """Refuses `adapter_names`: peft drops it, and the active adapter would answer the batch."""

    @contextmanager
    def _enable_peft_forward_hooks(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        if kwargs.get("adapter_names") is not None:
            kind = type(self).__name__
            raise ValueError(f"{kind} serves one adapter at a time: give no adapter_names")
        yield
