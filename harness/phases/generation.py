"""Time the first new token and each further one, of base, unmerged and merged decoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from harness.measure.generation import Generator, figures, per_token
from harness.measure.latency import Subjects, Timing, interleaved
from harness.measure.placement import Places
from harness.measure.statistics import FEWEST_RESAMPLED
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
        after = {**found, "unmerged": bench.method.after_prompt(found["unmerged"])}
        return {name: Generator(found[name], after[name], output) for name in found}

    def warmed() -> dict[str, Generator]:
        found = generators()
        for own in found.values():
            own.prefill(prompt)
        return found

    def first(found: Mapping[str, Generator]) -> Subjects:
        return {name: partial(own.prefill, prompt) for name, own in found.items()}

    def further(found: Mapping[str, Generator]) -> Subjects:
        # A decode crops the cache that it is given, so that each starts from the same prompt.
        prompts = {name: own.prefill(prompt) for name, own in found.items()}
        return {n: partial(own.decode, prompts[n], new_tokens) for n, own in found.items()}

    def times(calls: Callable[[Mapping[str, Generator]], Subjects], rounds: int) -> Timing:
        return interleaved(
            calls(generators()),
            seconds=settings.latency_seconds,
            rounds=rounds,
            warmups=settings.warmups,
            seed=bench.trial.seed,
            renew=(lambda: calls(warmed())) if places.renew else None,
            synchronize=bench.device.synchronize,
        )

    with torch.inference_mode():
        prefill = times(first, settings.latency_rounds)
        # Each call of it is many tokens already.
        decoded = times(further, min(settings.latency_rounds, FEWEST_RESAMPLED))
    found = {
        "prompt_tokens": settings.sequence_length,
        "new_tokens": new_tokens,
        "batch_size": batch_size,
        **figures(prefill, per_token(decoded, new_tokens - 1)),
    }
    return {"latency": {"generation": found, "generation_reason": None}}


def _backbones(bench: Workbench) -> dict[str, nn.Module]:
    found = {"base": bench.base().backbone, "unmerged": bench.restored().backbone}
    merged = bench.merged_copy()
    return found if merged is None else {**found, "merged": merged.backbone}
