"""What a launcher runs: one job of a sweep, in a process of its own, maybe on another machine."""

from __future__ import annotations

import os
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from harness import command, entry, manifest
from harness.errors import HarnessError, told
from harness.store import read_json, write_json


def job(cfg: DictConfig, *, folder: str, cwd: str) -> None:
    """Run the trial of `cfg` as `python -m harness` does in `cwd`; the answer goes to `folder`.

    Nothing is raised, since a launcher takes the jobs that it still waits for down with it.
    """
    entry.register()  # Hydra carries its store of configs to the job, and no resolvers
    os.chdir(cwd)
    number = HydraConfig.get().job.num
    with (
        log_of(Path(folder), number).open("a", encoding="utf-8", buffering=1) as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        write_json(_answer_path(Path(folder), number), _answer(cfg))


def answer(folder: Path, number: int) -> dict[str, Any] | None:
    """What a job left: its `record`, or why there is none as `error`; None where it died."""
    return read_json(_answer_path(folder, number))


def log_of(folder: Path, number: int) -> Path:
    return folder / f"{number}.log"


def _answer(cfg: DictConfig) -> dict[str, Any]:
    try:
        with manifest.part_of_another():
            return {"record": command.run([cfg])[0]}
    except Exception as error:
        traceback.print_exc()
        return {"error": str(error) if isinstance(error, HarnessError) else told(error)}


def _answer_path(folder: Path, number: int) -> Path:
    return folder / f"{number}.json"
