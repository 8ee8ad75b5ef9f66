"""What runs in processes of their own: the check of a sweep's trials, and each phase of a trial.

Both take configs as plain values and return plain values for the record.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig

from harness.adapting import for_training
from harness.checked import from_plain
from harness.compiling import require_compiler
from harness.config import TrialConfig
from harness.errors import ConfigError, HarnessError
from harness.measure import contention
from harness.measure.device import device_for
from harness.methods import Method, Trained, load_method
from harness.methods.anatomy import layers
from harness.models import TaskModel, context_of, generates, outline
from harness.phases import named
from harness.ranks import available, joined, over_ranks
from harness.sharding import apart
from harness.workbench import Workbench

Values = dict[str, Any]


def run(phase: str, config: Values, folder: str, sources: Sequence[str], prepared: str) -> Values:
    """The groups of the record that a phase gives, from what the phases before it left."""
    trial, places = from_plain(TrialConfig, config), [Path(source) for source in sources]
    devices = trial.train.devices
    if phase == "train" and devices > 1:
        given = {"config": config, "folder": folder, "sources": sources, "prepared": prepared}
        return over_ranks(devices, "harness.trial:train_on_rank", given, Path(folder))
    return _run(phase, Workbench(trial, Path(folder), places, Path(prepared)))


def train_on_rank(
    rank: int, port: int, config: Values, folder: str, sources: Sequence[str], prepared: str
) -> Values:
    """What the train phase gives on one of several devices, each in a process of its own."""
    trial, places = from_plain(TrialConfig, config), [Path(source) for source in sources]
    with joined(rank, trial.train.devices, port, trial.device):
        return _run("train", Workbench(trial, Path(folder), places, Path(prepared)))


def _run(phase: str, bench: Workbench) -> Values:
    before = contention.snapshot()
    groups: Values = import_module(f"harness.phases.{phase}").run(bench)
    others = contention.between(before, contention.snapshot())
    # Others of ours are at work beside a phase that does not run alone.
    busy = others.busy if named(phase).alone else None
    environment = groups.setdefault("environment", {})
    environment["gpu"] = bench.device.gpu
    environment["phases"] = {phase: {**asdict(others), "busy": busy}}
    return groups


def check(configs: dict[str, Values]) -> Values:
    """Which trials cannot run, and why: tried on models without weights.

    And what the others' devices are called by every process of the machine, and which of them
    train without steps.
    """
    problems = {}
    devices: dict[str, str] = {}
    stepless = []
    known: dict[str, tuple[str | None, bool]] = {}
    for key, config in configs.items():
        alike = json.dumps(_structure(config))
        if alike not in known:
            known[alike] = _tried(from_plain(TrialConfig, config))
        problem, by_steps = known[alike]
        if problem is not None:
            problems[key] = problem
            continue
        if not by_steps:
            stepless.append(key)
        device = config["device"]
        devices[device] = devices.get(device) or device_for(device).identity
    return {"problems": problems, "devices": devices, "stepless": stepless}


def _structure(config: Values) -> Values:
    """A config without what changes no model: thousands of trials differ in nothing else."""
    sources = [_structure(source) for source in config["sources"]]
    train = {**config["train"], "learning_rate": None}
    return {**config, "seed": None, "train": train, "sources": sources}


def _tried(trial: TrialConfig) -> tuple[str | None, bool]:
    """What keeps a trial from being run, if anything, and whether it trains by steps."""
    try:
        return None, _check_one(trial).trains_by_steps
    except HarnessError as error:
        return str(error), True
    except Exception:
        # A method that cannot be built without weights may still run with them.
        traceback.print_exc()
        return None, True


def texts(trial: TrialConfig, config: PreTrainedConfig) -> list[tuple[str, int, int]]:
    """What the phases hand to a model: field, its tokens, and those of the text before them."""
    measure = trial.measure
    forgetting, capacity = measure.forgetting, measure.capacity
    said = measure.new_tokens if generates(config) else None
    return [
        ("task.max_length", trial.task.max_length, 0),
        ("measure.sequence_length", measure.sequence_length, 0),
        ("measure.forgetting.tokens", forgetting.tokens if forgetting else 0, 0),
        ("measure.capacity.tokens", capacity.tokens if capacity else 0, 0),
        ("measure.new_tokens", said or 0, measure.sequence_length if said else 0),
    ]


def _check_one(trial: TrialConfig) -> Method:
    """The trial's method; raises what keeps it from being run."""
    if trial.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device", "cuda", f"torch {torch.__version__} sees no CUDA device")
    if trial.train.compile:
        require_compiler(trial.device)
    backbone = outline(trial.model)
    context = context_of(backbone.config)
    prompt = trial.method.virtual_tokens
    for field, tokens, before in texts(trial, backbone.config):
        if context is not None and prompt + before + tokens > context:
            told = f" with {prompt} virtual tokens before them" if prompt else ""
            if before:
                told = f" after a timed prompt of {prompt + before}"
            expected = f"exceeds the model's context of {context} tokens{told}"
            raise ConfigError(field, tokens, expected)
    # Nothing is trained yet: a structure needs no weights.
    sources = [Trained(s.task.name, s.method, Path()) for s in trial.sources]
    method = load_method(trial.method, sources)
    paths = []
    if trial.train.devices > 1:
        _check_devices(trial, method)
        paths = [layer.path for layer in layers(backbone)]
    adapted = for_training(method, backbone, trial.train)
    apart(adapted, paths, trial.train.devices)
    if method.trains_by_steps:
        method.optimizer(TaskModel(adapted, nn.Linear(1, 1), trial.model.pooling), trial.train)
    return method


def _check_devices(trial: TrialConfig, method: Method) -> None:
    """Raise ConfigError where there are not as many devices, or the method takes but one."""
    count = trial.train.devices
    found = available(trial.device)
    if count > found:
        kind = "GPUs" if trial.device == "cuda" else "cores"
        raise ConfigError("train.devices", count, f"must be at most {found}, the {kind} found")
    refused = method.kept_whole
    if not method.trains_by_steps:
        refused = "trains without steps"
    if method.quantization is not None:
        refused = "holds its base in packed bits, which are not cut into pieces"
    if refused:
        raise ConfigError("train.devices", count, f"must be 1: {trial.method.name} {refused}")
