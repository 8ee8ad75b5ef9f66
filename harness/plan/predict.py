"""Parameters and peak memory of a method on a model, without weights and without a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from transformers import PreTrainedConfig

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
    """What is predicted; peaks in bytes."""

    parameters: Parameters
    train: Peak
    inference: Peak


def predict(request: Request) -> Plan:
    """Raises ConfigError for a model that cannot be built or a method that it cannot take."""
    return Plan(counted(request), training_peak(request), inference_peak(request))


def counted(request: Request) -> Parameters:
    """Parameters of the whole model, counted on its structure."""
    found = subject(request, architecture(request.model))
    found.method.optimizer(found.model, request.train)  # settles what is frozen
    return parameters.count(found.model, found.head)


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
