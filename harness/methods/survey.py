"""What methods do and do not, asked of the installed libraries on small random models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from transformers.utils.quantization_config import QuantizationConfigMixin

from harness.errors import ConfigError, told
from harness.methods.base import Method, NotMergeable, load_method
from harness.methods.specimens import (
    BERT_BASE_LAYERS,
    FOUR_BITS,
    QUANTISED,
    SPECIMENS,
    bert_base,
    specimen,
    tokens,
)

# Of the largest output, between a merged model and its unmerged one, or a start and its base.
TOLERANCE = 1e-4
# The CPU's kernel for four bits works in bfloat16.
KERNEL_TOLERANCE = 0.05
STEP = 0.02
UNASKED = "not asked: bitsandbytes is not installed"


@dataclass(frozen=True)
class Answers:
    """What one method answers; a reason stands for no, None for yes."""

    name: str
    size_field: str | None
    size: int | None
    works: dict[str, str | None]
    """By architecture: adapts, computes and learns."""
    merges: str | None
    """Asked on the first architecture that works; the merged model's outputs are compared."""
    on_4_bits: str | None
    parameters: int | None
    """Trained in BERT-base at the default size."""


def ask(method: Method) -> Answers:
    """Try everything that there is to know about a method."""
    works = {name: _reason(_works, method, name) for name in SPECIMENS}
    home = next((name for name, reason in works.items() if reason is None), None)
    nowhere = "works on none of these"
    return Answers(
        name=method.config.name,
        size_field=method.config.size_field,
        size=method.config.size,
        works=works,
        merges=_reason(_merges, method, home) if home else nowhere,
        on_4_bits=_reason(_on_4_bits, method) if home else nowhere,
        parameters=_parameters(method) if works["BERT"] is None else None,
    )


class Refusal(Exception):
    """A no of this file's own; the message is the reason."""


def _reason(attempt: Callable[..., None], *arguments: object) -> str | None:
    """Why an attempt failed, in one line; None if it did not."""
    try:
        attempt(*arguments)
    except ConfigError as error:
        return error.expected
    except (Refusal, NotMergeable) as error:
        return str(error)
    except Exception as error:  # of a library: an answer too
        return told(error)
    return None


def _works(method: Method, architecture: str) -> None:
    _learns(_adapted(method, architecture, method.quantization))


def _adapted(
    method: Method, architecture: str, quantization: QuantizationConfigMixin | None
) -> nn.Module:
    """An adapted specimen; adapters that the method builds on are stored as they start."""
    for source in method.sources:
        own = load_method(source.method)
        own.save(own.adapt(specimen(architecture)), source.folder)
    return method.adapt(specimen(architecture, quantization))


def _learns(adapted: nn.Module) -> None:
    output = _states(adapted.train())
    if not output.isfinite().all():
        raise Refusal("its outputs are not finite")
    if _trained(adapted):
        output.pow(2).mean().backward()
        if all(parameter.grad is None for parameter in _trained(adapted)):
            raise Refusal("nothing of it gets a gradient")


def _merges(method: Method, architecture: str) -> None:
    adapted = _adapted(method, architecture, method.quantization).eval()
    _disturb(adapted)
    with torch.no_grad():
        unmerged = _states(adapted)
        merged = _states(method.merge(adapted).eval())
    tolerance = TOLERANCE if method.quantization is None else KERNEL_TOLERANCE
    _same(merged, unmerged, "the merged model's outputs differ by {:.1e}", tolerance)


def _on_4_bits(method: Method) -> None:
    if find_spec("bitsandbytes") is None:
        raise Refusal(UNASKED)
    try:
        adapted = _adapted(method, QUANTISED, FOUR_BITS)
        _learns(adapted)
    except (ConfigError, Refusal):
        raise
    except Exception as error:  # of a library that takes packed weights for a matrix
        raise Refusal(f"fails on packed weights: {told(error)}") from error
    if method.starts_at_base:
        # Both as in training: the evaluation of 4-bit layers on a CPU rounds more on some machines.
        with torch.no_grad():
            base = _states(specimen(QUANTISED, FOUR_BITS).train())
            start = _states(adapted.train())
        _same(start, base, "starts away from the quantised base, by {:.1e}")


def _parameters(method: Method) -> int:
    """Trained in BERT-base, found on its structure alone where the method needs no weights."""
    try:
        with torch.device("meta"):
            outline = bert_base(BERT_BASE_LAYERS)
        return _count(method.adapt(outline))
    except NotImplementedError:
        # Layers are alike: the second adds what every further one adds.
        one, two = (_count(method.adapt(bert_base(layers))) for layers in (1, 2))
        return one + (BERT_BASE_LAYERS - 1) * (two - one)


def _count(adapted: nn.Module) -> int:
    return sum(parameter.numel() for parameter in _trained(adapted))


def _trained(model: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _disturb(model: nn.Module) -> None:
    """Move every trained parameter, as training would."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in _trained(model):
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=STEP)


def _states(model: nn.Module) -> Tensor:
    given = tokens()
    if model.config.is_encoder_decoder:  # type: ignore[union-attr]
        given["decoder_input_ids"] = given["input_ids"]
    output: Tensor = model(**given).last_hidden_state
    return output


def _same(found: Tensor, expected: Tensor, told: str, tolerance: float = TOLERANCE) -> None:
    difference = (found - expected).abs().max().item()
    if not difference <= tolerance * expected.abs().max().item():
        raise Refusal(told.format(difference))
