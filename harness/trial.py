"""A trial, told from top to bottom: check, train, measure.

Each function is a phase that runs in a process of its own, takes a trial's config as plain values
and returns plain values for the record.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.config import TrialConfig, from_plain
from harness.errors import ConfigError, HarnessError
from harness.measure import memory, merge, parameters
from harness.measure.environment import environment
from harness.measure.latency import interleaved
from harness.measure.placement import leave_file, share_weights
from harness.methods import NotMergeable, Trained, load_method
from harness.models import TaskModel, outline
from harness.store import write_json
from harness.tasks.probe import fit as fit_probe
from harness.training import Batch, fit, step
from harness.workbench import Workbench

Values = dict[str, Any]


def check(configs: dict[str, Values]) -> Values:
    """Which trials cannot run, and why: tried on models without weights."""
    problems = {}
    for key, config in configs.items():
        try:
            _check_one(from_plain(TrialConfig, config))
        except HarnessError as error:
            problems[key] = str(error)
        except Exception:
            # A method that cannot be built without weights may still run with them.
            traceback.print_exc()
    return {"problems": problems}


def train(config: Values, folder: str, sources: Sequence[str] = ()) -> Values:
    """Load, adapt, train, evaluate; leaves the trained weights and the test outcomes."""
    bench = _workbench(config, folder, sources)
    model = bench.fresh()
    counted = parameters.count(model, model.head)
    training = (
        _train_by_steps(bench, model) if bench.method.trains_by_steps else _fit_head(bench, model)
    )
    bench.save(model)
    stored, file_bytes = bench.stored()
    test, quality = bench.score(model, "test")
    write_json(Path(folder) / "outcomes.json", test)
    _, validation = bench.score(model, "validation")
    return {
        "parameters": {**asdict(counted), "adapter": stored, "file_bytes": file_bytes},
        "quality": {**asdict(quality), "validation": validation.value},
        "training": training,
    }


def measure(config: Values, folder: str, sources: Sequence[str] = ()) -> Values:
    """Weigh, time and merge what `train` left."""
    bench = _workbench(config, folder, sources)
    unmerged, load_peak = memory.load(bench.device, bench.restored)
    inference_peak = _inference_pass(bench, unmerged)
    merged, merging, after_merge = _merge(bench, unmerged)
    latency = _time(bench, unmerged, merged, Path(folder))
    del unmerged, merged  # training is weighed without them
    speed, training_peak = _training_pass(bench)
    peaks = {"train": training_peak, "inference": inference_peak, "load": load_peak}
    return {
        "quality": {"after_merge": after_merge},
        "memory": {phase: asdict(peak) for phase, peak in peaks.items()},
        "latency": latency,
        "training": speed,
        "merge": merging,
        "environment": environment(bench.device.gpu),
    }


def _workbench(config: Values, folder: str, sources: Sequence[str]) -> Workbench:
    return Workbench(from_plain(TrialConfig, config), Path(folder), [Path(s) for s in sources])


def _check_one(trial: TrialConfig) -> None:
    if trial.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device", "cuda", f"torch {torch.__version__} sees no CUDA device")
    backbone = outline(trial.model)
    context = getattr(backbone.config, "max_position_embeddings", None)
    prompt = trial.method.options.get("num_virtual_tokens") or 0
    for field, length in (
        ("task.max_length", trial.task.max_length),
        ("measure.sequence_length", trial.measure.sequence_length),
    ):
        if context is not None and length + prompt > context:
            prompted = f" with {prompt} virtual tokens before them" if prompt else ""
            expected = f"exceeds the model's context of {context} tokens{prompted}"
            raise ConfigError(field, length, expected)
    # Nothing is trained yet: a structure needs no weights.
    sources = [Trained(s.task.name, s.method, Path()) for s in trial.sources]
    load_method(trial.method, sources).adapt(backbone)


def _train_by_steps(bench: Workbench, model: TaskModel) -> Values:
    recipe = bench.trial.train
    optimizer = bench.method.optimizer(model, recipe)
    log = fit(model, bench.training_batches(), bench.kind.loss, optimizer, recipe)
    return {
        "steps": recipe.steps,
        "learning_rate": recipe.learning_rate,
        "seconds": log.seconds,
        "examples": log.examples,
        "tokens": log.tokens,
        "final_loss": log.losses[-1],
    }


def _fit_head(bench: Workbench, model: TaskModel) -> Values:
    """Fit the head to convergence, on features that the frozen backbone gives once."""
    model.eval()
    started = time.perf_counter()
    fitted = []
    for split in ("train", "validation"):
        features = bench.run(lambda b: model.features(b["input_ids"], b["attention_mask"]), split)
        fitted += [features.numpy(), bench.labels(split)]
    probe = fit_probe(*fitted)
    head = {"weight": torch.as_tensor(probe.weight), "bias": torch.as_tensor(probe.bias)}
    model.head.load_state_dict(head)
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "examples": len(fitted[0]),
        "inverse_penalty": probe.inverse_penalty,
    }


def _inference_pass(bench: Workbench, model: TaskModel) -> memory.Memory:
    requests = bench.requests(max(bench.trial.measure.batch_sizes))
    with torch.inference_mode():
        return memory.inference(bench.device, lambda: _logits(model)(requests), model)


def _merge(bench: Workbench, unmerged: TaskModel) -> tuple[TaskModel | None, Values, float | None]:
    """The merged model, how merging went, and the quality re-scored after it."""
    batch = bench.longest_batch()
    copy = bench.restored()
    try:
        found = merge.merge(
            unmerged, lambda: bench.merged(copy), lambda model: _logits(model)(batch)
        )
    except NotMergeable as reason:
        unknown = {"max_abs_logit_difference": None, "seconds": None}
        return None, {"mergeable": False, "reason": str(reason), **unknown}, None
    merging = {
        "mergeable": True,
        "reason": None,
        "max_abs_logit_difference": found.max_abs_logit_difference,
        "seconds": found.seconds,
    }
    assert isinstance(found.model, TaskModel)
    _, quality = bench.score(found.model, "test")
    return found.model, merging, quality.value


def _time(bench: Workbench, unmerged: TaskModel, merged: TaskModel | None, folder: Path) -> Values:
    """Latency of base, unmerged and merged in the same rounds; the first shape leads."""
    base = bench.base()
    models = {"base": base, "unmerged": unmerged, "merged": merged}
    others = [model for model in (unmerged, merged) if model]
    for model in (base, *others):
        leave_file(model)
    share_weights(base, others)
    settings = bench.trial.measure
    shapes = []
    samples = {}
    for batch_size in settings.batch_sizes:
        requests = bench.requests(batch_size)
        subjects = {
            name: partial(_logits(model), requests) for name, model in models.items() if model
        }
        with torch.inference_mode():
            timing = interleaved(
                subjects,
                seconds=settings.latency_seconds,
                rounds=settings.latency_rounds,
                warmups=settings.warmups,
                seed=bench.trial.seed,
                synchronize=bench.device.synchronize,
            )
        shape = {"batch_size": batch_size, "sequence_length": settings.sequence_length}
        absent = {"merged": None, "merged_over_base": None}
        shapes.append({"shape": shape, **absent, **timing.figures()})
        samples[f"batch_size={batch_size}"] = timing.samples
    write_json(folder / "latency.json", {"unit": "ns", "samples": samples})
    return {**shapes[0], "batch": shapes[-1] if len(shapes) > 1 else None}


def _training_pass(bench: Workbench) -> tuple[Values, memory.Memory]:
    """Examples and tokens per second, then the peak of a step on the longest batch."""
    model = bench.fresh()
    recipe = bench.trial.train
    optimizer = bench.method.optimizer(model, recipe)
    batches = bench.training_batches()

    def one_step(batch: Batch) -> None:
        step(model, batch, bench.kind.loss, optimizer, recipe.clip_norm)

    one_step(next(batches))
    timed = [next(batches) for _ in range(bench.trial.measure.speed_steps)]
    bench.device.synchronize()
    started = time.perf_counter()
    for batch in timed:
        one_step(batch)
    bench.device.synchronize()
    seconds = time.perf_counter() - started
    speed = {
        "examples_per_s": sum(len(batch["labels"]) for batch in timed) / seconds,
        "tokens_per_s": sum(int(batch["attention_mask"].sum()) for batch in timed) / seconds,
    }
    longest = bench.longest_batch()
    return speed, memory.training(bench.device, lambda: one_step(longest), model, optimizer)


def _logits(model: nn.Module) -> Callable[[Batch], Tensor]:
    return lambda batch: model(batch["input_ids"], batch["attention_mask"])
