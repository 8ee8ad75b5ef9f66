"""A LoRA whose process dies in a phase of the test's choice, in a way of its choice."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel

from harness.methods.low_rank import LoRA
from harness.phases import PHASES


class DyingLoRA(LoRA):
    """Dies as `death` says, once the phases before `dies_in` have left their parts."""

    own_options = frozenset({"dies_in", "death", "results"})

    def adapt(self, backbone: PreTrainedModel) -> nn.Module:
        adapted = super().adapt(backbone)
        self._die("speed")
        return adapted

    def save(self, adapted: nn.Module, folder: Path) -> None:
        self._die("train")
        super().save(adapted, folder)

    def restore(self, backbone: PreTrainedModel, folder: Path) -> nn.Module:
        restored = super().restore(backbone, folder)
        self._die("merge", "memory", "latency")
        return restored

    def _die(self, *here: str) -> None:
        options = self.config.options
        phase, results = options["dies_in"], Path(options["results"])
        names = [each.name for each in PHASES]
        before = names[names.index(phase) - 1] if phase != names[0] else None
        reached = before is None or any(results.glob(f"*/parts/{before}.json"))
        if phase in here and reached:
            DEATHS[options["death"]]()


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def read_address_zero() -> None:
    ctypes.string_at(0)


def leave() -> None:
    os._exit(3)


def exhaust() -> None:
    """Allocate under a limit of the address space that leaves 64 MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    used = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), resource.RLIM_INFINITY))
    torch.zeros(1 << 30)


DEATHS = {"kill": kill, "segfault": read_address_zero, "leave": leave, "exhaust": exhaust}
