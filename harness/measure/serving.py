"""What it takes to serve several adapters on one base, and whose answer a request got."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_iter

from harness.measure.latency import Timing
from harness.measure.quantised import constants
from harness.measure.statistics import paired_ratio, spread

RATIOS = (
    ("mixed", "one_at_a_time"),
    ("mixed", "merged"),
    ("one_at_a_time", "merged"),
)

# A batch that is computed in another order rounds otherwise, and four bits round more; the answer
# of another adapter is off by the whole distance.
NEAR = 0.1


def held_bytes(model: nn.Module, others: Iterable[Tensor] = ()) -> int:
    """Bytes of the storages that a model's tensors lie in, and `others` too, each counted once.

    Besides parameters and buffers these are tensors that modules keep as attributes or in
    containers, as some tuners do, and what packed weights are unpacked with.
    """
    storages: dict[int, int] = {}
    own = (leaf for module in model.modules() for leaf in tree_iter(vars(module)))
    for tensor in (*(leaf for leaf in own if isinstance(leaf, Tensor)), *others):
        packed = constants(tensor) if isinstance(tensor, nn.Parameter) else ()
        for one in (tensor, *packed):
            if not one.is_meta:
                storage = one.untyped_storage()
                storages[storage._cdata] = storage.nbytes()
    return sum(storages.values())


def answered_by(found: Tensor, answers: Tensor, owners: Sequence[int]) -> bool:
    """Whether every request got its own adapter's answer and not another's.

    `found` [requests, width] are the answers got, `answers` [adapters, requests, width] those of
    every adapter to every request, and `owners` whose request each is. A request counts if it is
    nearer to the answer of its own adapter than a tenth of the way to the nearest other one.
    """
    for row, owner in enumerate(owners):
        own = answers[owner, row]
        off = (found[row] - own).abs().max()
        others = torch.cat([answers[:owner, row], answers[owner + 1 :, row]])
        nearest = (others - own).abs().amax(-1).min()
        if not (nearest > 0 and off <= NEAR * nearest):
            return False
    return True


def throughput(timing: Timing, requests: int) -> dict[str, Any]:
    """Requests per second of each way to serve, from times of `requests` requests each.

    `A_over_B` is the requests per second of A over those of B, above 1 where A serves more: the
    median of the per-round ratios with its interval, None where one of the two is missing.
    """
    seconds = {name: spread(times).median / 1e9 for name, times in timing.samples.items()}
    found: dict[str, Any] = {
        "requests_per_s": {
            name: requests / seconds[name] if name in seconds else None
            for name in ("merged", "same", "mixed", "one_at_a_time")
        }
    }
    for one, other in RATIOS:
        ratio = None
        if one in timing.samples and other in timing.samples:
            # Rates are inverse to times.
            times = timing.samples[other], timing.samples[one]
            ratio = asdict(paired_ratio(*times, timing.seed))
        found[f"{one}_over_{other}"] = ratio
    return found | {"stable": timing.stable}
