"""Parameters and peak memory of a method on a model, without weights and without a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from transformers import PreTrainedConfig

from harness.errors import ConfigError
from harness.measure import parameters
from harness.measure.live_tensors import Peak
from harness.measure.parameters import Parameters
from harness.models import architecture
from harness.plan.depth import SHALLOW, Sections, extrapolated, shallower
from harness.plan.request import Request
from harness.plan.subject import subject
from harness.plan.trace import trace_inference, trace_training

Trace = Callable[[Request, PreTrainedConfig], Sections]


@dataclass(frozen=True)
class Plan:
    """What is predicted; bytes, and peaks of bytes."""

    parameters: Parameters
    file_bytes: int
    train: Peak
    inference: Peak


def predict(request: Request) -> Plan:
    """Raises ConfigError for a model that cannot be built or a method that it cannot take."""
    check(request)
    counted, file_bytes = structure(request)
    return Plan(counted, file_bytes, training_peak(request), inference_peak(request))


def check(request: Request) -> None:
    """Raise ConfigError for texts that the model has no places for."""
    context = getattr(architecture(request.model), "max_position_embeddings", None)
    prompt = request.method.options.get("num_virtual_tokens") or 0
    if context is not None and request.seq_len + prompt > context:
        prompted = f" with {prompt} virtual tokens before them" if prompt else ""
        expected = f"exceeds the model's context of {context} tokens{prompted}"
        raise ConfigError("seq_len", request.seq_len, expected)


def structure(request: Request) -> tuple[Parameters, int]:
    """Parameters of the whole model, and the bytes of the file that keeps what is trained.

    Exact: counted on the model's own structure.
    """
    found = subject(request, architecture(request.model))
    found.method.optimizer(found.model, request.train)  # settles what is frozen
    counted = parameters.count(found.model, found.model.head)
    return counted, found.method.file_bytes(found.model.backbone)


def training_peak(request: Request) -> Peak:
    """Bytes of tensors that are alive when most are, over two training steps."""
    return _peak(trace_training, request)


def inference_peak(request: Request) -> Peak:
    """Bytes of tensors that are alive when most are, over one forward pass."""
    return _peak(trace_inference, request)


def _peak(trace: Trace, request: Request) -> Peak:
    config = architecture(request.model)
    deep = config.num_hidden_layers
    if deep > max(SHALLOW):
        shallow = [shallower(config, depth) for depth in SHALLOW]
        traced = [trace(request, each) for each in shallow if each is not None]
        found = extrapolated(traced, deep) if len(traced) == len(SHALLOW) else None
        if found is not None:
            return found
    return max((peak for _, peak in trace(request, config)), key=lambda peak: peak.total)
