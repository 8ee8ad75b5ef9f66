"""Time the first new token and each further one, of base, unmerged and merged decoder."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from harness.measure.generation import Generator, figures, per_token
from harness.measure.latency import Subjects, Timing, interleaved
from harness.measure.placement import leave_file, share_weights
from harness.measure.statistics import FEWEST_RESAMPLED
from harness.methods import NotMergeable
from harness.models import NoOutput, load_output
from harness.workbench import Workbench


def run(bench: Workbench) -> dict[str, Any]:
    try:
        output = load_output(bench.trial.model)
    except NoOutput as reason:
        return {"latency": {"generation": None, "generation_reason": str(reason)}}
    settings = bench.trial.measure
    assert settings.new_tokens is not None
    batch_size, new_tokens = settings.batch_sizes[0], settings.new_tokens
    prompt = bench.requests(batch_size)["input_ids"]
    generators = _generators(bench, output.to(prompt.device))
    with torch.inference_mode():
        first = {name: partial(own.prefill, prompt) for name, own in generators.items()}
        # A decode crops the cache that it is given, so that each starts from the same prompt.
        further = {
            name: partial(own.decode, own.prefill(prompt), new_tokens)
            for name, own in generators.items()
        }
        prefill = _times(bench, first, settings.latency_rounds)
        # Each call of it is many tokens already.
        decode = _times(bench, further, min(settings.latency_rounds, FEWEST_RESAMPLED))
    found = {
        "prompt_tokens": settings.sequence_length,
        "new_tokens": new_tokens,
        "batch_size": batch_size,
        **figures(prefill, per_token(decode, new_tokens - 1)),
    }
    return {"latency": {"generation": found, "generation_reason": None}}


def _generators(bench: Workbench, output: nn.Module) -> dict[str, Generator]:
    base, unmerged = bench.base().backbone, bench.restored().backbone
    found = {
        "base": Generator(base, base, output),
        "unmerged": Generator(unmerged, bench.method.after_prompt(unmerged), output),
    }
    backbones = [base, unmerged]
    try:
        merged = bench.merged(bench.restored()).backbone
    except NotMergeable:
        pass
    else:
        backbones.append(merged)
        found["merged"] = Generator(merged, merged, output)
    for backbone in backbones:
        leave_file(backbone)
    share_weights(base, backbones[1:])
    return found


def _times(bench: Workbench, subjects: Subjects, rounds: int) -> Timing:
    settings = bench.trial.measure
    return interleaved(
        subjects,
        seconds=settings.latency_seconds,
        rounds=rounds,
        warmups=settings.warmups,
        seed=bench.trial.seed,
        synchronize=bench.device.synchronize,
    )
