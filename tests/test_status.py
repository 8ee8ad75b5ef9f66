"""What `python -m harness.status` tells of folders that it finds in all states."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import account, entry, manifest, running, standing
from harness.errors import ConfigError
from harness.lease import Lease
from harness.phases import named
from harness.status import ROWS, command
from harness.store import RECORD
from harness.trials import Trial

MEASURED = ("latency", "memory", "speed")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def trials(trial_of: Any, results: Path) -> list[Trial]:
    """Four of lora and four of ia3, under invented ids; three side by side and three alone."""
    results.mkdir()
    return [
        Trial(f"{number:016x}", trial_of(f"method={method}", f"seed={number}", *LEAN), folder, ())
        for number, method in enumerate(["lora"] * 4 + ["ia3"] * 4)
        if (folder := results / f"{number:016x}")
    ]


LEAN = ("measure.capacity=null", "measure.forgetting=null", "measure.serving=null",
        "measure.energy_seconds=null", "measure.new_tokens=null")  # fmt: skip


def part(trial: Trial, phase: str, seconds: float) -> None:
    trial.keep(named(phase), {}, {"seconds": seconds, "threads": 1})


def end(trial: Trial, seconds: float = 10.0, status: str = "ok", reason: str | None = None) -> None:
    """Every phase took as long, or the trial ended in training."""
    for phase in ("plan", "train", "merge", *MEASURED) if status == "ok" else ("plan",):
        part(trial, phase, seconds)
    trial.finish(status, reason, "done" if status == "ok" else "train")


@pytest.fixture
def status(results: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Exit code, lines and the last line as JSON."""

    def call() -> tuple[int, str, dict[str, Any]]:
        code = command([entry.compose([f"results={results}"], "status")])
        *told, last = capsys.readouterr().out.splitlines()
        return code, "\n".join(told), json.loads(last)

    return call


@pytest.fixture
def at_work() -> Iterator[Callable[[Trial, str], None]]:
    """A trial that this process holds and marks."""
    held: list[Lease] = []

    def begin(trial: Trial, phase: str) -> None:
        held.append(Lease(trial.folder, 120))
        assert held[-1].take()
        running.mark(trial.folder, phase)

    yield begin
    for lease in held:
        lease.release()


def test_every_trial_stands_somewhere(
    results: Path, trials: list[Trial], status: Any, at_work: Any
) -> None:
    manifest.write(results, trials, ["-m", "harness", "-m", "seed=range(8)"])
    end(trials[0])
    end(trials[1], status="skipped", reason="needs 9 GiB by the plan")
    end(trials[2], status="out_of_memory", reason="no memory left")
    part(trials[3], "plan", 1.0)
    at_work(trials[3], "train")
    interrupted(trials[4])
    part(trials[5], "plan", 1.0)
    code, told, plain = status()
    assert code == 0
    (sweep,) = plain["sweeps"]
    states = {state: sweep[state] for state in standing.STATES}
    assert states == {"ok": 1, "skipped": 1, "failed": 1, "running": 1, "interrupted": 1,
                      "begun": 1, "left": 2}  # fmt: skip
    assert sweep["trials"] == sum(states.values()) == 8
    assert [each["trial"] for each in plain["running"]] == [trials[3].id]
    assert plain["running"][0]["phase"] == "train"
    assert [each["trial"] for each in plain["interrupted"]] == [trials[4].id]
    assert plain["begun"] == [trials[5].id]
    assert [(each["trial"], each["status"]) for each in plain["failed"]] == [
        (trials[2].id, "out_of_memory")
    ]
    assert "python -m harness -m 'seed=range(8)'" in told
    assert "out_of_memory in train: no memory left: lora rank=8 seed=2 on" in told
    assert re.search(rf"train  \d+ s  process {os.getpid()} on \S+  lora rank=8 seed=3 on ", told)


def interrupted(trial: Trial) -> None:
    """Marked by a process that is gone."""
    trial.folder.mkdir(exist_ok=True)
    code = f"from pathlib import Path; from harness import running;" \
           f"running.mark(Path({str(trial.folder)!r}), 'train')"  # fmt: skip
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_failed_trial_that_is_tried_again_is_at_work(
    results: Path, trials: list[Trial], status: Any, at_work: Any
) -> None:
    end(trials[0], status="failed", reason="no")
    at_work(trials[0], "train")
    _, _, plain = status()
    assert (len(plain["running"]), len(plain["failed"])) == (1, 0)


def test_time_left_is_what_the_phases_of_each_method_took(
    results: Path, trials: list[Trial], status: Any
) -> None:
    manifest.write(results, trials, [])
    assert status()[2]["sweeps"][0]["seconds_left"] is None
    end(trials[0], seconds=10.0)  # lora: six phases of ten seconds
    end(trials[4], seconds=1.0)  # ia3
    _, told, plain = status()
    # three of each method are left, and nobody is at work
    assert plain["sweeps"][0]["seconds_left"] == pytest.approx(3 * 60 + 3 * 6)
    assert "about 3 min of work, nobody at it" in told


def test_time_left_is_shared_by_those_at_work(
    results: Path, trials: list[Trial], status: Any, at_work: Any
) -> None:
    manifest.write(results, trials[:4], [])
    end(trials[0], seconds=1000.0)
    for trial in trials[1:3]:
        at_work(trial, "plan")
    _, _, plain = status()
    # 3 trials with 3 phases side by side, by two at once; then 3 phases alone on one machine
    assert plain["sweeps"][0]["seconds_left"] == pytest.approx(9000 / 2 + 9000, rel=0.01)


def test_phases_that_are_over_are_not_left_and_tell_what_they_took(
    results: Path, trials: list[Trial], status: Any
) -> None:
    manifest.write(results, trials[:2], [])
    for trial in trials[:2]:
        for phase in ("plan", "train", "merge"):
            part(trial, phase, 5.0)
    part(trials[0], "memory", 7.0)
    _, _, plain = status()
    # latency and speed are not known yet, and taken to be as long as the mean of the others
    usual = (3 * 5 + 7) / 4
    assert plain["sweeps"][0]["seconds_left"] == pytest.approx(7 + 4 * usual)


def test_a_sweep_that_is_over_says_so(results: Path, trials: list[Trial], status: Any) -> None:
    manifest.write(results, trials[:2], [])
    end(trials[0])
    end(trials[1], status="failed", reason="no")
    _, told, plain = status()
    assert told.splitlines()[1].split()[-3:-1] == ["–", "over"]
    assert plain["sweeps"][0]["seconds_left"] == 0


def test_sweeps_that_share_trials_count_them_both(
    results: Path, trials: list[Trial], status: Any
) -> None:
    manifest.write(results, trials[:4], ["first"])
    manifest.write(results, trials[2:], ["second"])
    end(trials[3])
    _, _, plain = status()
    assert sorted((s["trials"], s["ok"], s["left"]) for s in plain["sweeps"]) == [
        (4, 1, 3), (6, 1, 5)]  # fmt: skip
    assert plain["unasked"] == {}


def test_many_failures_of_one_reason_are_one_line(
    results: Path, trials: list[Trial], status: Any
) -> None:
    manifest.write(results, trials, [])
    for number, trial in enumerate(trials):
        end(trial, status="failed", reason="disk is full" if number else "another reason")
    _, told, plain = status()
    assert len(plain["failed"]) == 8
    failed = told.partition("\nfailed: ")[2].splitlines()
    assert failed[0] == "2"
    assert failed[1].startswith("  failed in train: disk is full: 7, such as lora rank=8 seed=1 ")
    assert len(failed) == 3


def test_more_rows_than_fit_are_counted(results: Path, trials: list[Trial], status: Any) -> None:
    for number in range(ROWS + 5):
        id_ = f"{number:016x}"
        trial = replace(trials[0], id=id_, folder=results / id_)
        trial.finish("failed", f"reason {number}", "train")
    _, told, plain = status()
    assert told.endswith("\n  and 5 more")
    assert len(plain["failed"]) == ROWS + 5


def test_records_without_a_sweep_are_counted(
    results: Path, trials: list[Trial], status: Any
) -> None:
    end(trials[0])
    end(trials[1], status="failed", reason="no")
    _, told, plain = status()
    assert plain["unasked"] == {"ok": 1, "failed": 1}
    assert told.startswith("no sweep was started in this folder\ntrials of no sweep")


def test_searches_are_told_from_what_is_compared(
    results: Path, trials: list[Trial], trial_of: Any, status: Any
) -> None:
    search = replace(trials[0], config=replace(trials[0].config, stage="search"))
    manifest.write(results, [search], [])
    _, told, plain = status()
    assert plain["sweeps"][0]["stages"] == ["search"]
    assert "  search  " in told


def test_an_empty_folder_has_nothing(results: Path, status: Any) -> None:
    results.mkdir()
    code, told, plain = status()
    assert (code, told) == (0, "no sweep was started in this folder")
    assert all(not value for key, value in plain.items() if key != "results")


def test_no_folder_is_an_error(results: Path) -> None:
    with pytest.raises(ConfigError, match=r"results=.*is no folder"):
        command([entry.compose([f"results={results}"], "status")])


@pytest.mark.parametrize("content", [b"", b'{"status": "ok"', b"\xff\xfe", b"[1]"])
def test_a_corrupt_record_is_told_and_its_trial_left(
    results: Path, trials: list[Trial], status: Any, content: bytes
) -> None:
    manifest.write(results, trials[:2], [])
    end(trials[0])
    (trials[0].folder / RECORD).write_bytes(content)
    (trials[0].folder / f"{RECORD}.corrupt-1").write_bytes(content)
    _, _, plain = status()
    assert plain["sweeps"][0]["left"] == 2
    (line,) = plain["unreadable"]
    assert str(trials[0].folder / RECORD) in line
    assert plain["set_aside"] == [str(trials[0].folder / f"{RECORD}.corrupt-1")]


def test_a_folder_that_vanishes_meanwhile_was_never_there(
    results: Path, trials: list[Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    end(trials[0])
    end(trials[1])
    read = standing.read_file

    def vanishing(path: Path, parsed: Any) -> Any:
        shutil.rmtree(path.parent, ignore_errors=True)
        return read(path, parsed)

    monkeypatch.setattr(standing, "read_file", vanishing)
    assert account.account(results).folder.trials == {}


def test_nothing_in_the_folder_is_changed(results: Path, trials: list[Trial], status: Any) -> None:
    manifest.write(results, trials, [])
    end(trials[0])
    (trials[1].folder).mkdir()
    (trials[1].folder / RECORD).write_text("{")
    interrupted(trials[2])
    before = listing(results)
    status()
    assert listing(results) == before


def listing(results: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.stat().st_mtime_ns) for path in results.rglob("*"))


def test_the_command_imports_no_torch(results: Path) -> None:
    results.mkdir()
    code = (
        "import sys; from harness import entry, status;"
        " code = entry.run(status.command, 'status'); print('torch' in sys.modules, code)"
    )
    run = [sys.executable, "-c", code, f"results={results}"]
    told = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    assert told.splitlines()[-1] == "False 0"
