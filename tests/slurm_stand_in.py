"""Stands in for SLURM's commands: runs the jobs of an array as processes of this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

COMMANDS = ("sbatch", "srun", "sacct", "scontrol", "scancel")
STATE = "SLURM_STAND_IN"


def install(folder: Path) -> dict[str, str]:
    """Write the commands into `folder`; the variables under which they are found."""
    (folder / "state").mkdir(parents=True)
    for name in COMMANDS:
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {name} "$@"\n')
        script.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", STATE: str(folder / "state")}


def sbatch(script: str) -> None:
    found = re.search(r"--array=0-(\d+)", Path(script).read_text())
    job = str(1000 + len(list(state().glob("*.batch"))))
    (state() / f"{job}.batch").touch()
    for name in [f"{job}_{k}" for k in range(int(found[1]) + 1)] if found else [job]:
        subprocess.Popen(
            [sys.executable, __file__, "node", name, script],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    print(f"Submitted batch job {job}")


def node(job: str, script: str) -> None:
    """Run a job, and again for as long as it is queued again."""
    array, _, index = job.partition("_")
    ids = {"SLURM_ARRAY_JOB_ID": array, "SLURM_ARRAY_TASK_ID": index} if index else {}
    requeued = state() / f"{job}.requeued"
    while True:
        (state() / f"{job}.job").write_text("RUNNING")
        done = subprocess.run(["bash", script], env={**os.environ, **ids, "SLURM_JOB_ID": array})
        if not requeued.exists():
            break
        requeued.rename(requeued.with_suffix(".again"))
    (state() / f"{job}.job").write_text("NODE_FAIL" if done.returncode else "COMPLETED")


def srun(*arguments: str) -> None:
    command = list(arguments)
    while command[0].startswith("-"):
        valued = command.pop(0) in ("--output", "--error")
        command = command[1:] if valued else command
    ranks = dict.fromkeys(("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID"), "0")
    os.execvpe(command[0], command, {**os.environ, **ranks})


def sacct(*arguments: str) -> None:
    print("JobID|State|NodeList")
    for path in sorted(state().glob("*.job")):
        print(f"{path.stem}|{path.read_text()}|here")


def scontrol(verb: str, job: str) -> None:
    (state() / f"{job}.requeued").touch()


def state() -> Path:
    return Path(os.environ[STATE])


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
