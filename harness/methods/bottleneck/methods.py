"""Houlsby's and Pfeiffer's placements of bottlenecks."""

from __future__ import annotations

from abc import abstractmethod

from transformers import PreTrainedModel
from transformers.activations import ACT2FN

import harness.methods.bottleneck.tuner  # noqa: F401  registers the method with peft
from harness.errors import ConfigError, nearest
from harness.methods.anatomy import Layer, layers, with_closing_norms
from harness.methods.bottleneck.config import BottleneckConfig
from harness.methods.peft_method import PeftMethod


class Bottleneck(PeftMethod):
    """Bottlenecks at the places that `places` gives for each layer.

    What ends a sublayer is its last linear map. Where a model drops out that map's output, it drops
    out the bottleneck's with it; the `adapters` package adds the bottleneck after the dropout. In
    inference both are the same.
    """

    @abstractmethod
    def places(self, layer: Layer) -> list[str]:
        """Paths of the modules of one layer that get a bottleneck."""

    def reads(self, backbone: PreTrainedModel, found: list[Layer]) -> dict[str, str]:
        """Per place that ends a sublayer, the path of the module whose input is read."""
        return {}

    def peft_config(self, backbone: PreTrainedModel) -> BottleneckConfig:
        width = backbone.config.hidden_size
        dim = self.config.options["bottleneck_dim"]
        if dim > width:
            raise ConfigError(
                "method.bottleneck_dim", dim, f"must be at most {width}, the model's width"
            )
        activation = self.config.options["non_linearity"]
        if activation not in ACT2FN:
            raise ConfigError("method.non_linearity", activation, nearest(activation, ACT2FN))
        found = with_closing_norms(backbone, layers(backbone))
        return BottleneckConfig(
            **self.options(
                BottleneckConfig,
                target_modules=[path for layer in found for path in self.places(layer)],
                reads=self.reads(backbone, found),
                hidden_size=width,
                bottleneck_dim=dim,
            )
        )


class Houlsby(Bottleneck):
    """After the attention and after the feed-forward, before the add and the norm.

    Houlsby et al. 2019, arXiv 1902.00751; `double_seq_bn` of the `adapters` package.
    """

    def places(self, layer: Layer) -> list[str]:
        return [layer.attention.output, layer.down]


class Pfeiffer(Bottleneck):
    """One per layer, after the feed-forward: around the closing norm, or after a pre-norm layer.

    Pfeiffer et al. 2020, arXiv 2005.00247; `seq_bn` of the `adapters` package, which the second of
    the two is from, as the paper knows post-norm models alone.
    """

    def places(self, layer: Layer) -> list[str]:
        return [layer.closing_norm or layer.path]
