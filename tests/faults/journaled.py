"""A LoRA that writes down which phases begin, and acts on orders."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from harness.config import MethodConfig
from harness.methods.base import Trained
from harness.methods.low_rank import LoRA
from tests.dying_method import exhaust, kill
from tests.faults.journal import Begin, Order, append, given
from tests.isolated_calls import hang_in_c, ignore_signals_and_hang

_begun: set[int] = set()


class JournaledLoRA(LoRA):
    own_options = frozenset({"journal"})

    def __init__(self, config: MethodConfig, sources: Sequence[Trained] = ()) -> None:
        super().__init__(config, sources)
        self._orders: list[Order] = []
        call = _running_phase()
        if call is None:  # the check of a sweep's trials
            return
        path, folder = Path(call["config"]["method"]["options"]["journal"]), Path(call["folder"])
        if os.getpid() not in _begun:  # a phase may build the method more than once
            _begun.add(os.getpid())
            had_ended = _ended(folder, call["phase"])
            append(path, Begin(folder.name, call["phase"], os.getpid(), had_ended))
        this = (call["phase"], call["config"]["seed"])
        self._orders = [order for order in given(path) if (order.phase, order.seed) == this]
        for order in self._orders:
            if order.act in ACTS:
                ACTS[order.act]()

    def adapt(self, backbone: PreTrainedModel) -> nn.Module:
        adapted = super().adapt(backbone)
        for order in self._orders:
            if order.act == "spoil_gradient":
                _spoil(adapted, order.step)
        return adapted


def devour() -> None:
    """Take memory, page after page, for as long as the kernel gives any."""
    taken = []
    while True:
        taken.append(torch.ones(16 << 20, dtype=torch.uint8))


def linger() -> None:
    time.sleep(3)


ACTS = {
    "kill": kill,
    "exhaust": exhaust,
    "devour": devour,
    "ignore_signals_and_hang": ignore_signals_and_hang,
    "hang_in_c": hang_in_c,
    "linger": linger,
}


def _running_phase() -> dict[str, Any] | None:
    """The arguments of `harness.trial.run`, which no method is told."""
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        if (frame.f_globals["__name__"], frame.f_code.co_name) == ("harness.trial", "run"):
            return frame.f_locals
    return None


def _ended(folder: Path, phase: str) -> bool:
    files = (folder / "record.json", folder / "parts" / f"{phase}.json")
    return any(_status(path) == "ok" for path in files)


def _status(path: Path) -> str | None:
    """That of a record; a part which can be read is ok."""
    try:
        status: str = json.loads(path.read_bytes()).get("status", "ok")
    except (OSError, ValueError, AttributeError):
        return None
    return status


def _spoil(adapted: nn.Module, step: int) -> None:
    """Make one step's gradient NaN."""
    trained = next(p for p in adapted.parameters() if p.requires_grad)
    steps = 0

    def spoil(gradient: torch.Tensor) -> torch.Tensor:
        nonlocal steps
        steps += 1
        return gradient * float("nan") if steps == step else gradient

    trained.register_hook(spoil)
