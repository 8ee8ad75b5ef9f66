"""Methods at the size that trains a given share of all parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from harness.checked import from_plain
from harness.config import MethodConfig, TrialConfig
from harness.errors import ConfigError
from harness.measure.parameters import Parameters
from harness.methods.anatomy import linear_widths
from harness.models import architecture, context_of, outline
from harness.plan.closest import closest
from harness.plan.predict import counted
from harness.plan.request import OBJECTIVES, Request
from harness.trial import texts


def sized(request: Request, budget: float) -> MethodConfig:
    """The method at the size whose share of trained parameters comes closest to `budget`.

    A method without a size stays as it is. Options that a config derives from the size keep their
    values. Raises ConfigError where no size is accepted: with the reason of the method's own.
    """
    method, own = request.method, request.method.size
    if own is None:
        return method
    refusals: dict[int, ConfigError] = {}

    def count(size: int) -> Parameters | None:
        try:
            found = _counted(replace(request, method=_at(method, size)))
            if not found.adapter:  # such as blocks of one row
                expected = "leaves the method nothing to train"
                raise ConfigError(f"method.{method.size_field}", size, expected)
            return found
        except ConfigError as error:
            refusals[size] = error
            return None

    def others() -> Iterable[int]:
        return {own, *_divisors(request)}

    size = closest(count, budget, others)
    if size is None:
        raise refusals[own]
    return _at(method, size)


def sizes(asked: list[dict[str, Any]]) -> dict[str, Any]:
    """For each trial: the size that its budget gives, the share that is trained, or a refusal.

    `asked` holds their configs, their `classes` and their `budget`. Raises ConfigError for a method
    that cannot be counted without weights.
    """
    return {"found": [_found(**one) for one in asked]}


def _found(config: dict[str, Any], classes: int, budget: float) -> dict[str, Any]:
    trial = from_plain(TrialConfig, config)
    request = Request(
        model=trial.model,
        method=trial.method,
        train=trial.train,
        seq_len=max(before + n for _, n, before in texts(trial, architecture(trial.model))),
        objective=OBJECTIVES[trial.task.kind],
        classes=classes,
        device=trial.device,
        sources={source.task.name: source.method for source in trial.sources},
    )
    try:
        method = sized(request, budget)
        share = _counted(replace(request, method=method)).share
    except ConfigError as error:
        return {"size": None, "share": None, "refusal": str(error)}
    except Exception as error:
        told = f"cannot be counted without weights ({error}); give it a size: size=N"
        raise ConfigError("method", trial.method.name, told) from error
    return {"size": method.size, "share": share, "refusal": None}


def _counted(request: Request) -> Parameters:
    """Raises ConfigError for a prompt that leaves no room for the texts, too."""
    context = context_of(architecture(request.model))
    prompt = request.method.virtual_tokens
    if context is not None and prompt + request.seq_len > context:
        expected = f"leaves {context - prompt} of {context} tokens for a text of {request.seq_len}"
        raise ConfigError(f"method.{request.method.size_field}", request.method.size, expected)
    return counted(request)


def _at(method: MethodConfig, size: int) -> MethodConfig:
    return replace(method, options={**method.options, str(method.size_field): size})


def _divisors(request: Request) -> set[int]:
    """Of the widths of all linear maps: what blocks and groups have to divide."""
    maps = (linear_widths(module) for module in outline(request.model).modules())
    widths = {width for found in maps if found for width in found}
    return {size for width in widths for size in range(1, width + 1) if width % size == 0}
