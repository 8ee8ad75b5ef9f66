"""Parameters and peak memory of a method on a model, without weights and without a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from transformers import PreTrainedConfig

from harness.errors import ConfigError
from harness.measure import parameters
from harness.measure.live_tensors import LiveTensors, Peak
from harness.measure.parameters import Parameters
from harness.models import architecture, context_of
from harness.plan.allocator import reserved_peak
from harness.plan.depth import SHALLOW, extrapolated, shallower
from harness.plan.request import Request
from harness.plan.subject import Subject, subject
from harness.plan.trace import trace_inference, trace_training

Trace = Callable[[Request, PreTrainedConfig], LiveTensors]
Depths = tuple[PreTrainedConfig, ...]


@dataclass(frozen=True)
class Plan:
    """What is predicted; bytes, and peaks of bytes."""

    parameters: Parameters
    file_bytes: int
    train: Peak
    inference: Peak
    train_reserved: int | None
    """What torch's allocator holds for the peak of training; None where it was not asked for."""


def predict(request: Request) -> Plan:
    """Raises ConfigError for a model that cannot be built or a method that it cannot take."""
    check(request)
    counted, file_bytes = structure(request)
    depths = enough_layers(request, counted)
    return Plan(
        counted,
        file_bytes,
        training_peak(request, depths),
        inference_peak(request, depths),
        training_reserve(request) if request.reserved else None,
    )


def check(request: Request) -> None:
    """Raise ConfigError for texts that the model has no places for."""
    context = context_of(architecture(request.model))
    prompt = request.method.virtual_tokens
    if context is not None and request.seq_len + prompt > context:
        prompted = f" with {prompt} virtual tokens before them" if prompt else ""
        expected = f"exceeds the model's context of {context} tokens{prompted}"
        raise ConfigError("seq_len", request.seq_len, expected)


def structure(request: Request) -> tuple[Parameters, int]:
    """Parameters of the whole model, and the bytes of the file that keeps what is trained.

    Exact: counted on the model's own structure.
    """
    found = subject(request, architecture(request.model))
    return _counted(found, request), found.method.file_bytes(found.model.backbone)


def counted(request: Request) -> Parameters:
    """The same without the file."""
    return _counted(subject(request, architecture(request.model)), request)


def enough_layers(request: Request, counted: Parameters) -> Depths:
    """Architectures whose traces tell the peak of the request's: two shallow ones, or itself.

    Shallow ones do where layers are alike: what they count grows to what the whole model
    `counted`. A method may act on some of the layers alone, or share what it adds among them.
    """
    config = architecture(request.model)
    if config.num_hidden_layers <= max(SHALLOW):
        return (config,)
    low, high = (shallower(config, depth) for depth in SHALLOW)
    if low is None or high is None:
        return (config,)
    try:
        found = [subject(request, each) for each in (low, high)]
    except ConfigError:  # an option of the method names a layer that is missing there
        return (config,)
    if not all(each.layers for each in found):  # no sections to compare
        return (config,)
    fewer, more = (_counted(each, request) for each in found)
    further = (config.num_hidden_layers - SHALLOW[0]) / (SHALLOW[1] - SHALLOW[0])
    for field in ("trainable", "total"):
        least = getattr(fewer, field)
        if least + further * (getattr(more, field) - least) != getattr(counted, field):
            return (config,)
    return low, high


def training_peak(request: Request, depths: Depths) -> Peak:
    """Bytes of tensors that are alive when most are, over a training step."""
    return _peak(trace_training, request, depths)


def inference_peak(request: Request, depths: Depths) -> Peak:
    """Bytes of tensors that are alive when most are, over one forward pass."""
    return _peak(trace_inference, request, depths)


def training_reserve(request: Request) -> int:
    """Bytes that torch's caching allocator reserves over two training steps.

    For batches of one length, or the longest first; what it holds does not grow evenly with the
    depth, so that all layers are traced.
    """
    whole = architecture(request.model)
    return reserved_peak(trace_training(request, whole, from_the_first=True).changes())


def _counted(found: Subject, request: Request) -> Parameters:
    found.method.optimizer(found.model, request.train)  # settles what is frozen
    return parameters.count(found.model, found.model.head)


def _peak(trace: Trace, request: Request, depths: Depths) -> Peak:
    traced = [trace(request, config) for config in depths]
    whole = architecture(request.model)
    if len(traced) > 1:
        found = extrapolated([live.sections() for live in traced], whole.num_hidden_layers)
        if found is not None:
            return found
        traced = [trace(request, whole)]
    return traced[0].peak()
