"""Which trials of a sweep are over, and who may work on the others: no process, no model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness import queue, search, store, sweep, trials
from harness.config import run_config
from harness.entry import compose
from harness.errors import ConfigError, HarnessError
from harness.isolation import Outcome
from harness.lease import LEASE, Lease
from harness.phases import PHASES
from harness.search_config import search_config
from harness.sources import with_sources
from harness.store import RECORD
from harness.trials import EARLIER, PARTS
from tests.instant import GROUPS, run


def fails(phase: str, status: str = "failed") -> Any:
    def answer(trial: str, asked: str) -> Outcome | None:
        return Outcome(trial, status, reason="no luck") if asked == phase else None

    return answer


@pytest.fixture
def theirs(tmp_path: Path) -> Any:
    """Another sweep that holds a trial, as one on another machine would."""
    held: list[Lease] = []

    def hold(trial: str) -> Lease:
        held.append(Lease(tmp_path / trial, 120))
        assert held[-1].take()
        return held[-1]

    yield hold
    for lease in held:
        lease.release()


def test_trial_that_is_over_is_not_run_again(tmp_path, instant):
    first = run(tmp_path)["bitfit"]
    assert (first["status"], first["phase"]) == ("ok", "done")
    asked = list(instant.asked)
    written = (tmp_path / first["trial"] / RECORD).stat().st_mtime_ns
    assert run(tmp_path)["bitfit"] == first
    assert instant.asked == asked
    assert (tmp_path / first["trial"] / RECORD).stat().st_mtime_ns == written


@pytest.mark.parametrize("phase", ["train", "latency"])
def test_failed_trial_is_run_again_after_the_phases_that_ended_well(tmp_path, instant, phase):
    instant.answer = fails(phase)
    failed = run(tmp_path)["bitfit"]
    assert (failed["status"], failed["phase"], failed["reason"]) == ("failed", phase, "no luck")
    assert run(tmp_path, ["bitfit"], "retry=none")["bitfit"] == failed, "it was left"
    instant.answer = lambda trial, phase: None
    assert run(tmp_path)["bitfit"]["status"] == "ok"
    names = [name for _, name in instant.asked]
    assert {name for name in names if names.count(name) > 1} == {phase}


def test_failure_ends_no_other_trial(tmp_path, instant):
    def first_dies(trial: str, phase: str) -> Outcome | None:
        first = trial == instant.asked[0][0]
        return Outcome(trial, "killed", reason="it died of SIGKILL") if first else None

    instant.answer = first_dies
    found = run(tmp_path, ["bitfit", "lora", "ia3"])
    assert [record["status"] for record in found.values()] == ["killed", "ok", "ok"]


def test_a_check_that_dies_ends_the_sweep_with_a_line_and_no_record(tmp_path, instant, monkeypatch):
    died = Outcome("check", "killed", reason="the process died of SIGKILL")
    monkeypatch.setattr(instant, "wait", lambda: died)
    with pytest.raises(HarnessError, match="checking the trials killed: the process died of SIG"):
        run(tmp_path)
    assert not list(tmp_path.glob(f"*/{RECORD}"))


def test_training_here_and_measuring_there_leave_one_record(tmp_path, instant):
    here = run(tmp_path, ["bitfit", "lora"], "phases=[train]")
    assert {record["status"] for record in here.values()} == {"trained"}
    assert not list(tmp_path.glob(f"*/{RECORD}"))
    alone = {phase.name for phase in PHASES if phase.alone}
    assert not alone & {phase for _, phase in instant.asked}
    assert run(tmp_path, ["bitfit", "lora"], "phases=[train]") == here
    trained = list(instant.asked)
    there = run(tmp_path, ["bitfit", "lora"], "phases=[measure]")
    assert {record["status"] for record in there.values()} == {"ok"}
    assert {phase for _, phase in instant.asked[len(trained) :]} <= alone
    assert there["lora"]["quality"]["value"] == 0.5
    assert there["lora"]["latency"]["base"]["median_ms"] == 1.0


def test_measuring_alone_trains_nothing_and_leaves_what_is_not_trained(tmp_path, instant):
    found = run(tmp_path, ["bitfit"], "phases=[measure]", "others=leave")["bitfit"]
    assert (found["status"], found["reason"]) == ("left", "it is not trained yet")
    assert instant.asked == []


def test_trial_that_another_holds_is_left_to_it(tmp_path, instant, theirs):
    trial = run(tmp_path, ["lora"], "others=leave", "phases=[measure]")["lora"]["trial"]
    theirs(trial)
    found = run(tmp_path, ["lora", "bitfit"], "others=leave")
    assert [record["status"] for record in found.values()] == ["left", "ok"]
    assert trial not in {key for key, _ in instant.asked}


def test_waiting_for_another_ends_with_its_record_however_that_ended(
    tmp_path,
    instant,
    theirs,
    monkeypatch,
):
    trial = run(tmp_path, ["lora"], "others=leave", "phases=[measure]")["lora"]["trial"]
    lease = theirs(trial)
    looks = []

    def other_fails(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            lease.release()
            instant.answer = fails("train", "diverged")
            run(tmp_path, ["lora"])
            instant.answer = fails("plan")

    monkeypatch.setattr(sweep.time, "sleep", other_fails)
    found = run(tmp_path, ["lora"])["lora"]
    assert (found["status"], found["reason"]) == ("diverged", "no luck")
    assert len(looks) == 3
    assert len({name for _, name in instant.asked}) == len(instant.asked), "it was tried again"


def test_trial_of_a_sweep_that_died_is_taken_up(tmp_path, instant, theirs, monkeypatch):
    trial = run(tmp_path, ["lora"], "others=leave", "phases=[measure]")["lora"]["trial"]
    lease = theirs(trial)
    monkeypatch.setattr(sweep.time, "sleep", lambda seconds: lease.release())
    assert run(tmp_path, ["lora"])["lora"]["status"] == "ok"


@pytest.mark.parametrize("phase", ["train", "latency"])
def test_trial_that_was_taken_meanwhile_is_dropped_and_nothing_of_it_written(
    tmp_path, instant, phase, capsys
):
    def taken(trial: str, asked: str) -> None:
        if asked == phase:
            (tmp_path / trial / LEASE).unlink()

    instant.answer = taken
    found = run(tmp_path, ["lora"], "others=leave")["lora"]
    assert found["status"] in ("left", "trained")
    assert "another one took it" in capsys.readouterr().out
    assert not list(tmp_path.glob(f"*/{RECORD}"))
    assert not list(tmp_path.glob(f"*/{PARTS}/{phase}.json"))


def test_trial_that_builds_on_a_failed_one_fails_with_its_reason(tmp_path, instant):
    instant.answer = lambda trial, phase: (
        Outcome(trial, "timeout", reason="too long") if phase == "train" else None
    )
    found = run(tmp_path, ["transfer"], "method.adapter=bbc_news")["transfer"]
    assert found["status"] == "failed"
    assert "which did not end well" in found["reason"]
    assert store.load(tmp_path)["status"].tolist().count("timeout") == 1


def test_folder_that_can_no_longer_be_written_ends_the_sweep_in_one_line(
    tmp_path,
    instant,
    monkeypatch,
):
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "write_json", full)
    expected = r"results=.*: cannot be written: No space left on device; what is finished is kept"
    with pytest.raises(ConfigError, match=expected):
        run(tmp_path)


def test_sweep_of_which_all_is_over_writes_nothing(tmp_path, instant, monkeypatch):
    run(tmp_path)
    monkeypatch.setattr(sweep, "writable", lambda results: pytest.fail("it wrote"))
    assert run(tmp_path)["bitfit"]["status"] == "ok"


def test_search_whose_trials_are_with_others_is_no_search_that_failed(
    tmp_path, instant, monkeypatch
):
    monkeypatch.setattr(search.assets, "fetch", lambda source, field: None)
    monkeypatch.setattr(search, "run_alone", lambda *_: {"problems": {}, "stepless": []})
    cfg = compose(["sweep=smoke", "method=lora", "search=grid", f"results={tmp_path}",
                   "device=cpu", "phases=[measure]", "others=leave"])  # fmt: skip
    given = [with_sources(cfg)], search_config(cfg), run_config(cfg)
    with pytest.raises(ConfigError, match="trials of the search are not over; others=wait waits"):
        search.run_searched(*given)


def test_trials_of_other_versions_are_kept_and_told_or_run_again_beside_what_they_found(
    tmp_path, instant, capsys, monkeypatch
):
    first = run(tmp_path)["bitfit"]
    (tmp_path / first["trial"] / "outcomes.json").write_text("{}")
    then = "peft 0.1 (now 0.2)"
    for module in (queue, trials):
        monkeypatch.setattr(module, "told", lambda record: None if record["training"] else then)
    asked = list(instant.asked)
    assert run(tmp_path)["bitfit"] == first
    assert instant.asked == asked
    expected = "1 of 1 trials that are over ran under peft 0.1 (now 0.2); they are kept"
    assert expected in capsys.readouterr().out
    monkeypatch.setitem(GROUPS, "train", {**GROUPS["train"], "training": {"seconds": 7.0}})
    again = run(tmp_path, ["bitfit"], "versions=rerun")["bitfit"]
    assert again["trial"] == first["trial"]
    assert again["training"] == {"seconds": 7.0}
    assert len(instant.asked) == 2 * len(asked)
    kept = tmp_path / EARLIER / f"{first['trial']}-1"
    assert store.read_json(kept / RECORD) == first
    assert (kept / "outcomes.json").exists()
    assert list(store.load(tmp_path)["trial"]) == [first["trial"]]
    assert run(tmp_path, ["bitfit"], "versions=rerun")["bitfit"] == again
    assert len(instant.asked) == 2 * len(asked)


@pytest.mark.parametrize(("versions", "again"), [("keep", 0), ("rerun", 1)])
def test_training_under_other_versions_is_kept_or_run_again_before_it_is_measured(
    tmp_path, instant, monkeypatch, versions, again
):
    run(tmp_path, ["bitfit"], "phases=[train]")
    began = len(instant.asked)
    monkeypatch.setattr(trials, "told", lambda record: "peft 0.1 (now 0.2)")
    assert run(tmp_path, ["bitfit"], f"versions={versions}")["bitfit"]["status"] == "ok"
    assert [name for _, name in instant.asked[began:]].count("train") == again
