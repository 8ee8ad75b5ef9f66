"""A LoRA that takes down the process which runs its trial, once."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

from torch import nn

from harness.methods.low_rank import LoRA


class KillingLoRA(LoRA):
    """Kills its sweep when it is stored, unless there is a file `survives` by then."""

    own_options = frozenset({"survives"})

    def save(self, adapted: nn.Module, folder: Path) -> None:
        survives = Path(self.config.options["survives"])
        if not survives.exists():
            survives.touch()
            parent = multiprocessing.parent_process()
            assert parent is not None
            os.kill(parent.pid or 0, signal.SIGKILL)
        super().save(adapted, folder)
