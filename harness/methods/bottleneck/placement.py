"""The ways in which an added term sits on a module of the base."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from harness.methods.anatomy import is_norm, linear_widths

Term = Callable[[Tensor], Tensor | None]
"""f: what is added, from the states that it reads; None where no adapter is on."""

Placement = Callable[..., Any]
"""Calls the base module and adds the term: (base, f, *arguments of the base) → its output."""


def after_linear(base: nn.Module, f: Term, *args: Any, **kwargs: Any) -> Tensor:
    """h + f(h) on the output of a sublayer's last linear map, so inside its residual."""
    h: Tensor = base(*args, **kwargs)
    added = f(h)
    return h if added is None else h + added


def around_norm(base: nn.Module, f: Term, z: Tensor) -> Tensor:
    """norm(z + f(norm(z))) on the norm that closes a layer, z the sum of output and residual."""
    normed: Tensor = base(z)
    added = f(normed)
    return normed if added is None else base(z + added)


def after_layer(base: nn.Module, f: Term, *args: Any, **kwargs: Any) -> Any:
    """y + f(y) on the states that a pre-norm layer hands on."""
    output = base(*args, **kwargs)
    y = output[0] if isinstance(output, tuple) else output
    added = f(y)
    if added is None:
        return output
    return (y + added, *output[1:]) if isinstance(output, tuple) else y + added


class Beside:
    """h + f(x) on the output of a sublayer's last linear map, x what entered the module `reads`.

    No one module wraps the feed-forward of every architecture, so x is held from where the
    sublayer begins to where it ends. `remove` takes the hook away that holds it.
    """

    def __init__(self, reads: nn.Module) -> None:
        self.reads = reads
        self._x: Tensor | None = None
        self._hook = reads.register_forward_pre_hook(self._hold)

    def __call__(self, base: nn.Module, f: Term, *args: Any, **kwargs: Any) -> Tensor:
        x, self._x = self._x, None
        assert x is not None
        h: Tensor = base(*args, **kwargs)
        added = f(x)
        return h if added is None else h + added

    def remove(self) -> None:
        self._hook.remove()

    def _hold(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        self._x = args[0]


def placement_on(target: nn.Module) -> Placement:
    """The placement that a kind of module gets: a linear map, a norm, or a whole layer."""
    if linear_widths(target):
        return after_linear
    return around_norm if is_norm(target) else after_layer
