"""Sweeps handed to Hydra's launchers: what is refused, what dies, and what goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from hydra.core.plugins import Plugins

from harness import entry, launching
from harness.errors import ConfigError
from hydra_plugins import peft_harness
from tests import slurm_stand_in

ROOT = Path(__file__).parents[1]
SMOKE = ["-m", "sweep=smoke", "size=4", "device=cpu", "results=results", "retry=none"]
needs_submitit = pytest.mark.skipif(
    not find_spec("submitit"), reason="the extra slurm is not installed"
)
needs_ray = pytest.mark.skipif(not find_spec("ray"), reason="the extra ray is not installed")
LAUNCHERS = [
    pytest.param("local", marks=needs_submitit),
    pytest.param("slurm", marks=needs_submitit),
    pytest.param("ray_tasks", marks=needs_ray),
]


def asked(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> entry.Asked:
    monkeypatch.setattr(sys, "argv", ["harness", f"results={folder}", *arguments])
    return entry.asked("config")


class Command:
    """`python -m harness` in an empty folder, beside commands that stand in for SLURM's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = {
            **os.environ,
            **slurm_stand_in.install(folder / "bin"),
            "PYTHONPATH": str(ROOT),
            "RAY_AUTH_MODE": "disabled",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *SMOKE, *arguments],
            cwd=self.folder, env=self._environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            # A suite that runs in the background of a shell passes on that interrupts are ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    def run(self, *arguments: str) -> tuple[int, list[dict[str, Any]], str, str]:
        """Exit code, trials, what was printed, and the errors."""
        process = self.start(*arguments)
        out, errors = process.communicate(timeout=500)
        return process.returncode, json.loads(out.splitlines()[-1])["trials"], out, errors


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


@needs_submitit
@pytest.mark.parametrize("mode", [[], ["-m", "seed=0,1,2"]])
def test_jobs_of_a_launcher_are_collected_and_not_launched(monkeypatch, tmp_path, mode):
    found = asked(monkeypatch, tmp_path, "hydra/launcher=local", "method.rank=2", *mode)
    assert found.launcher == "local"
    seeds = [cfg.seed for cfg in found.configs]
    assert seeds == ([0, 1, 2] if mode else [0])
    assert not list(tmp_path.rglob("*.pkl"))


@needs_submitit
def test_jobs_of_a_launcher_are_composed_as_fast_as_others(monkeypatch, tmp_path):
    Plugins.instance()  # runs the modules of plugins anew when it is first asked for
    composed = []
    real = peft_harness.Launcher._composed

    def counted(launcher: peft_harness.Launcher, overrides: list[str]) -> Any:
        composed.append(overrides)
        return real(launcher, overrides)

    monkeypatch.setattr(peft_harness.Launcher, "_composed", counted)
    found = asked(monkeypatch, tmp_path, "-m", "hydra/launcher=local", "seed=range(20)")
    assert [own[-1] for own in found.overrides] == [f"seed={seed}" for seed in range(20)]
    assert len(composed) == 1


@needs_submitit
def test_preset_of_a_sweep_may_name_its_launcher(monkeypatch, tmp_path):
    (tmp_path / "conf" / "sweep").mkdir(parents=True)
    (tmp_path / "conf" / "sweep" / "mine.yaml").write_text(
        "# @package _global_\n"
        "defaults:\n  - override /hydra/launcher: slurm\n"
        "hydra:\n  mode: MULTIRUN\n  launcher: {partition: gpu}\n"
        "  sweeper: {params: {seed: '0,1'}}\n"
    )
    found = asked(monkeypatch, tmp_path, f"hydra.searchpath=[{tmp_path}/conf]", "sweep=mine")
    assert (found.launcher, len(found.configs)) == ("slurm", 2)
    launcher = launching.master_config(found).hydra.launcher
    assert (launcher.partition, launcher.cpus_per_task) == ("gpu", 4)


def test_launcher_that_is_not_installed_names_its_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(entry.EXTRAS, "absent", "slurm")
    expected = r"^hydra/launcher=absent: is not installed: pip install 'peft-harness\[slurm\]'$"
    with pytest.raises(ConfigError, match=expected):
        asked(monkeypatch, tmp_path, "-m", "hydra/launcher=absent")


@needs_submitit
def test_commands_that_run_no_trials_refuse_a_launcher(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)  # Hydra writes down a sweep where it stands
    monkeypatch.setattr(
        sys, "argv", ["harness", "-m", f"results={tmp_path}", "hydra/launcher=local"]
    )
    assert entry.run(lambda cfgs: 0, "report") == 1
    assert "hydra/launcher=local: trials alone are handed" in capsys.readouterr().err


@needs_submitit
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hydra/launcher=slurm"], "device=auto: "),
        (["hydra/launcher=local", "device=cuda"], "hydra.launcher.gpus_per_node=None: "),
        (["hydra/launcher=local", "size=0"], "size=0: must be a whole number of at least 1"),
    ],
)
def test_wrong_input_is_told_before_anything_is_launched(
    monkeypatch, capsys, tmp_path, arguments, message
):
    monkeypatch.setattr(sys, "argv", ["harness", f"results={tmp_path}", *arguments])
    assert entry.run(lambda cfgs: 0, launch=launching.launch) == 1
    assert capsys.readouterr().err.startswith(f"error: {message}")
    assert not (tmp_path / launching.JOBS).exists()


@needs_submitit
@pytest.mark.network
def test_launcher_that_starts_nothing_is_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(
        sys, "argv",
        ["harness", "hydra/launcher=slurm", "model=bert_tiny", "device=cpu", f"results={tmp_path}"],
    )  # fmt: skip
    assert entry.run(lambda cfgs: 0, launch=launching.launch) == 1
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert error[0].startswith("error: hydra/launcher=slurm: RuntimeError: Could not detect")


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_jobs_that_fail_or_die_leave_the_others_alone_and_are_all_that_runs_again(
    command: Command, launcher: str
) -> None:
    (command.folder / "there").touch()
    sweep = [
        f"hydra/launcher={launcher}", "jobs=2", "phases=[train]", "method=lora",
        "method.implementation=tests.killing_method:KillingLoRA",
        "method.survives=absent,there", "train.learning_rate=0.001,1e30",
    ]  # fmt: skip
    code, trials, out, errors = command.run(*sweep)
    statuses = [trial["status"] for trial in trials]
    assert statuses == ["lost", "diverged", "trained", "diverged"], errors
    assert code == 1
    assert f"4 jobs for {launcher};" in out
    lost = [line for line in errors.splitlines() if line.startswith("lost: lora rank=4 seed=0")]
    assert len(lost) == 1
    assert "its job died; run the same command again" in lost[0]

    records = {p: p.stat().st_mtime_ns for p in command.folder.glob("results/*/record.json")}
    assert len(records) == 2
    code, trials, out, errors = command.run(*sweep)
    assert [trial["status"] for trial in trials] == ["trained", "diverged"] * 2
    assert f"1 jobs for {launcher};" in out
    assert records == {p: p.stat().st_mtime_ns for p in records}


@needs_submitit
@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["local", "slurm"])
def test_an_interrupt_ends_the_jobs_of_this_machine_and_names_those_of_slurm(
    command: Command, launcher: str
) -> None:
    process = command.start(f"hydra/launcher={launcher}", "method=bitfit", "seed=0,1", "jobs=2")
    while not list(command.folder.glob("results/.jobs/*/1.log")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)
    time.sleep(3)
    started = jobs_of(command.folder)
    assert started
    os.kill(process.pid, signal.SIGINT)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("stopped; run the same command again")
    _, alive = psutil.wait_procs(started, timeout=20 if launcher == "local" else 0)
    if launcher == "local":
        assert not alive
    else:
        assert "to end them: scancel 1000" in out
        assert alive
        for job in alive:
            job.kill()


def jobs_of(folder: Path) -> list[psutil.Process]:
    """The processes that run the jobs of a sweep."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "submitit.core._submit" in line and any(str(folder) in part for part in line):
            found.append(process)
    return found
