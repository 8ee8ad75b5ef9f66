"""Time the first new token and each further one, of base, unmerged and merged decoder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from torch import nn

from harness.measure.generation import Generator, figures, per_token
from harness.measure.latency import Subjects, Timing, interleaved
from harness.measure.placement import Places
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
    output = output.to(prompt.device)
    places = Places(_backbones(bench), bench.device.name, bench.trial.seed)

    def generators() -> dict[str, Generator]:
        found = places.models()
        further = {**found, "unmerged": bench.method.after_prompt(found["unmerged"])}
        return {name: Generator(found[name], further[name], output) for name in found}

    def first() -> Subjects:
        return {name: partial(own.prefill, prompt) for name, own in generators().items()}

    def decode() -> Subjects:
        # A decode crops the cache that it is given, so that each starts from the same prompt.
        return {
            name: partial(own.decode, own.prefill(prompt), new_tokens)
            for name, own in generators().items()
        }

    with torch.inference_mode():
        prefill = _times(bench, first, settings.latency_rounds, places.renew)
        # Each call of it is many tokens already.
        decoded = _times(
            bench, decode, min(settings.latency_rounds, FEWEST_RESAMPLED), places.renew
        )
    found = {
        "prompt_tokens": settings.sequence_length,
        "new_tokens": new_tokens,
        "batch_size": batch_size,
        **figures(prefill, per_token(decoded, new_tokens - 1)),
    }
    return {"latency": {"generation": found, "generation_reason": None}}


def _backbones(bench: Workbench) -> dict[str, nn.Module]:
    found = {"base": bench.base().backbone, "unmerged": bench.restored().backbone}
    with suppress(NotMergeable):
        found["merged"] = bench.merged(bench.restored()).backbone
    return found


def _times(bench: Workbench, subjects: Callable[[], Subjects], rounds: int, renew: bool) -> Timing:
    settings = bench.trial.measure
    return interleaved(
        subjects(),
        seconds=settings.latency_seconds,
        rounds=rounds,
        warmups=settings.warmups,
        seed=bench.trial.seed,
        renew=subjects if renew else None,
        synchronize=bench.device.synchronize,
    )
