"""The jobs that a launcher leaves behind when it does not wait for them to the end."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil
from omegaconf import DictConfig

SUBMITTED = "_submitted.pkl"
LOOKS = 5.0  # seconds between two looks at what Ray is doing


class Survivors:
    """The jobs that are handed over within this context.

    Where it is left by an interrupt, those of this machine are ended and those of SLURM are named.
    """

    def __init__(self, launcher: DictConfig) -> None:
        """`launcher` is its config, by which the jobs are found again."""
        self._config = launcher
        self._before = set(self._slurm_ids())

    def __enter__(self) -> Survivors:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not isinstance(error, KeyboardInterrupt):
            return
        controllers = _controllers()
        for process in controllers:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGINT)
        psutil.wait_procs(controllers)
        if slurm := sorted({id_.partition("_")[0] for id_ in self._slurm_jobs()}):
            print(f"still queued or running; to end them: scancel {' '.join(slurm)}", flush=True)

    def wait(self) -> None:
        """Return when none of the jobs is queued or running any more."""
        psutil.wait_procs(_controllers())
        if slurm := self._slurm_jobs():
            from submitit import SlurmJob

            for id_ in slurm:
                SlurmJob(self._config.submitit_folder, id_).wait()
        if "ray" in self._config:
            _wait_for_ray()

    def _slurm_jobs(self) -> set[str]:
        return set(self._slurm_ids()) - self._before

    def _slurm_ids(self) -> Iterator[str]:
        """submitit keeps a folder for each job, and in it what was submitted."""
        if self._config._target_.endswith("SlurmLauncher"):
            for path in Path(self._config.submitit_folder).parent.glob(f"*/*{SUBMITTED}"):
                yield path.name.removesuffix(SUBMITTED)


def _controllers() -> list[psutil.Process]:
    """The processes by which submitit runs its jobs on this machine."""
    found = []
    for process in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "submitit.local._local" in process.cmdline():
                found.append(process)
    return found


def _wait_for_ray() -> None:
    import ray
    from ray.util.state import list_tasks

    own = [("job_id", "=", ray.get_runtime_context().get_job_id())]
    while any(
        task.state not in ("FINISHED", "FAILED") for task in list_tasks(filters=own, limit=10_000)
    ):
        time.sleep(LOOKS)
