"""Bottlenecks beside a sublayer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import nn
from transformers import PreTrainedModel

from harness.errors import ConfigError
from harness.methods.anatomy import Hook, Layer, dry_run, norms
from harness.methods.bottleneck.methods import Bottleneck

SUBLAYERS = ("attention", "feed_forward")


class Parallel(Bottleneck):
    """Beside the feed-forward, h = FFN(x) + s·f(x); beside the attention too where asked for.

    The scaled parallel adapter of He et al. 2022, arXiv 2110.04366. FFN(x) is relu(x·W1 + b1)·W2 +
    b2 there (section 2.1), so x is what the first linear map reads: in a pre-norm model, the normed
    state. `par_bn` of the `adapters` package reads the state before that norm, and `before_norm`
    does as it does. In a post-norm model both are the same.
    """

    own_options: ClassVar[frozenset[str]] = frozenset({"beside", "before_norm"})

    def places(self, layer: Layer) -> list[str]:
        return [last for _, last in self._sublayers(layer)]

    def reads(self, backbone: PreTrainedModel, found: list[Layer]) -> dict[str, str]:
        firsts = {last: first for layer in found for first, last in self._sublayers(layer)}
        post_norm = any(layer.closing_norm for layer in found)
        if not self.config.options["before_norm"] or post_norm:
            return firsts
        norms = _norms_before(backbone, list(firsts.values()))
        return {last: norms[first] for last, first in firsts.items()}

    def _sublayers(self, layer: Layer) -> list[tuple[str, str]]:
        """Paths of the first and the last linear map of each sublayer that gets a bottleneck."""
        beside: Sequence[str] = self.config.options["beside"]
        if not beside or not set(beside) <= set(SUBLAYERS):
            expected = f"must be a list of one or both of {', '.join(SUBLAYERS)}"
            raise ConfigError("method.beside", beside, expected)
        sublayers = []
        if "attention" in beside:
            if layer.attention.query is None:
                expected = "needs attention with a query projection of its own"
                raise ConfigError("method.beside", beside, expected)
            sublayers.append((layer.attention.query, layer.attention.output))
        if "feed_forward" in beside:
            sublayers.append((layer.inner[0], layer.down))
        return sublayers


def _norms_before(backbone: PreTrainedModel, paths: list[str]) -> dict[str, str]:
    """Per linear map, the norm whose output it reads, seen in one forward pass."""
    found: dict[str, str] = {}
    # The outputs are kept, so that no two of them can be one object.
    normed: list[tuple[str, object]] = []

    def remember(name: str) -> Hook:
        return lambda module, args, output: normed.append((name, output))

    def compare(path: str) -> Any:
        def hook(module: nn.Module, args: tuple[object, ...]) -> None:
            found.update((path, name) for name, output in normed if output is args[0])

        return hook

    def watch(outline: nn.Module) -> None:
        for name, module in norms(outline):
            module.register_forward_hook(remember(name))
        for path in paths:
            outline.get_submodule(path).register_forward_pre_hook(compare(path))

    dry_run(backbone, watch)
    missing = [path for path in paths if path not in found]
    if missing:
        raise ConfigError("method.before_norm", True, f"no norm found that {missing[0]} reads")
    return found
