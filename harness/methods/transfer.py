"""A trained adapter of another task, as it is."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from torch import Tensor, nn
from transformers import PreTrainedModel

from harness.config import MethodConfig
from harness.errors import ConfigError
from harness.methods.base import Method, load_method
from harness.methods.serving import Adapters


class Transfer(Method):
    """Another task's adapter, frozen, under a head that is fitted to convergence for this one.

    What one adapter carries over by itself: the measure for what a fusion of several adds.
    """

    starts_at_base = False
    trains_by_steps = False

    @property
    def computed_once(self) -> str | None:
        return self._source().computed_once

    def adapt(self, backbone: PreTrainedModel) -> nn.Module:
        source = self._source()
        # A model without weights shows the structure alone: the adapter may be yet to be trained.
        if backbone.device.type == "meta":
            return source.adapt(backbone).requires_grad_(False)
        return source.restore(backbone, self.sources[0].folder)

    def stored(self, adapted: nn.Module) -> dict[str, Tensor]:
        return self._source().stored(adapted)

    def save(self, adapted: nn.Module, folder: Path) -> None:
        self._source().save(adapted, folder)

    def restore(self, backbone: PreTrainedModel, folder: Path) -> nn.Module:
        return self._source().restore(backbone, folder)

    def merge(self, adapted: nn.Module) -> nn.Module:
        return self._source().merge(adapted)

    def switched_off(self, adapted: nn.Module) -> AbstractContextManager[None]:
        return self._source().switched_off(adapted)

    def after_prompt(self, adapted: nn.Module) -> nn.Module:
        return self._source().after_prompt(adapted)

    def serve(self, adapted: nn.Module) -> Adapters:
        return self._source().serve(adapted)

    def _source(self) -> Method:
        if len(self.sources) != 1:
            given = self.config.options.get("adapter")
            raise ConfigError("method.adapter", given, "needs the task of one trained adapter")
        source: MethodConfig = self.sources[0].method
        return load_method(source)
