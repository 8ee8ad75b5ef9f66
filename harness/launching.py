"""A sweep handed to one of Hydra's launchers: every trial is a job in a process of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from harness import launched, manifest, store
from harness.budget import with_sizes
from harness.command import tell
from harness.config import RunConfig, TrialConfig, run_config
from harness.entry import Asked
from harness.errors import ConfigError, HarnessError, told
from harness.prerequisites import prepare, writable
from harness.queue import Queue
from harness.search_config import search_config
from harness.sources import with_sources
from harness.survivors import Survivors
from harness.trials import Trial, distinct, trial_of

JOBS = ".jobs"
LOCAL = "LocalLauncher"  # of submitit: starts all jobs that it is given at once


def launch(asked: Asked) -> int:
    """Run the trials of a command line as jobs; 0 when all of them ended well.

    Wrong input is told here, before anything is handed over, and weights and data are fetched
    here, since the machines that compute may have no network. Trials that are over are not handed
    over. Raises ConfigError or AssetError, and HarnessError where the launcher starts nothing.
    """
    run = run_config(asked.configs[0])
    master = master_config(asked)
    configs = [with_sources(cfg) for cfg in with_sizes(asked.configs, run)]
    _check_devices(asked, master.hydra.launcher, configs)
    trials = [trial_of(config, run.results) for config in configs]
    writable(run.results)
    everything = [t for trial in trials for t in (*trial.sources, trial)]
    prepare(everything)
    # Sizes swept over a method without a size are one trial, and one job.
    jobs = {trial.id: (trial, own) for trial, own in zip(trials, asked.overrides, strict=True)}
    # Which rates a search gives is not known before it is over.
    searched = search_config(asked.configs[0]) is not None
    if not searched:
        manifest.write(run.results, distinct(everything), manifest.own_command())
    queue = Queue(trials, run)
    left = [job for job in jobs.values() if searched or _is_open(job[0], queue, run)]
    records = {trial.id: store.record(trial.folder) or trial.unfinished() for trial in trials}
    if left:
        records |= zip((trial.id for trial, _ in left), _run(asked, master, left, run), strict=True)
    return tell(list(records.values()), run.results)


def _is_open(trial: Trial, queue: Queue, run: RunConfig) -> bool:
    """Whether this run has anything to do for a trial."""
    needs = "train" if trial.left(alone=False) else "measure"
    return queue.ending(trial) is None and needs in run.phases


def _run(
    asked: Asked, master: DictConfig, jobs: Sequence[tuple[Trial, list[str]]], run: RunConfig
) -> list[dict[str, Any]]:
    """Hand the jobs over, wait for all of them, and read what each has left."""
    folder = run.results.absolute() / JOBS / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    folder.mkdir(parents=True)
    launcher = _launcher(asked, master, partial(launched.job, folder=str(folder), cwd=os.getcwd()))
    # `auto` may be something else where the job runs, as may be the folder in which it starts.
    overrides = [
        [*own, f"device={trial.config.device}", "hydra.sweep.dir=."] for trial, own in jobs
    ]
    print(f"{len(jobs)} jobs for {asked.launcher}; they log to {folder}", flush=True)
    size = master.hydra.sweeper.get("max_batch_size")
    if size is None:
        size = run.jobs if type(launcher).__name__ == LOCAL else len(jobs)
    for first in range(0, len(jobs), size):
        with Survivors(master.hydra.launcher) as survivors:
            try:
                launcher.launch(overrides[first : first + size], first)
            except Exception as error:
                # Launchers raise at the first job that died, and leave the others at work.
                survivors.wait()
                if not any(folder.iterdir()):
                    raise HarnessError(f"hydra/launcher={asked.launcher}: {told(error)}") from error
    return [_record(trial, folder, number) for number, (trial, _) in enumerate(jobs)]


def _record(trial: Trial, folder: Path, number: int) -> dict[str, Any]:
    answer = launched.answer(folder, number)
    if answer and "record" in answer:
        record: dict[str, Any] = answer["record"]
        return record
    reason = answer["error"] if answer else "its job died; run the same command again to go on"
    reason = f"{reason} (see {launched.log_of(folder, number)})"
    return {**trial.unfinished(), "status": "lost", "reason": reason}


def master_config(asked: Asked) -> DictConfig:
    """The config from which a launcher makes those of its jobs."""
    assert asked.loader is not None
    return asked.loader.load_configuration(
        asked.config_name, [*asked.hydra_overrides, *asked.overrides[0]], RunMode.RUN
    )


def _launcher(asked: Asked, master: DictConfig, task: Any) -> Launcher:
    assert asked.loader is not None
    try:
        return Plugins.instance().instantiate_launcher(
            config=master,
            hydra_context=HydraContext(asked.loader, Callbacks(master)),
            task_function=task,
        )
    except Exception as error:
        raise ConfigError("hydra/launcher", asked.launcher, told(error)) from error


def _check_devices(asked: Asked, launcher: DictConfig, configs: Sequence[TrialConfig]) -> None:
    """Refuse what would make a job another trial than the one that was asked for."""
    ray, local = "ray" in launcher, launcher._target_.endswith(LOCAL)
    elsewhere = launcher.ray.init.get("address") is not None if ray else not local
    if elsewhere and any(cfg.device == "auto" for cfg in asked.configs):
        expected = "is found on the machine that runs the trial, which is another: cpu or cuda"
        raise ConfigError("device", "auto", expected)
    # Neither lets a job see GPUs unless told how many.
    gpus = "ray.remote.num_gpus" if ray else "gpus_per_node" if local else None
    if gpus and any(config.device == "cuda" for config in configs):
        given = OmegaConf.select(launcher, gpus)
        if not given:
            expected = "hides the GPUs from the jobs; give how many each of them gets"
            raise ConfigError(f"hydra.launcher.{gpus}", given, expected)
