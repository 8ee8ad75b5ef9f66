"""Records on disk: whole or absent, and read as one table."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import sys
from pathlib import Path

import pytest

from harness import entry, reading, store
from harness.config import SCHEMA
from harness.errors import ConfigError, Unreadable
from harness.isolation import Outcome
from harness.lease import LEASE
from harness.report import __main__ as report
from tests.instant import run


def put(results: Path, trial: str, **fields: object) -> None:
    record = {"schema": SCHEMA, "trial": trial, "status": "ok", "method": "lora", **fields}
    store.write_json(results / trial / store.RECORD, record)


def test_what_is_written_is_read(tmp_path):
    content = {"a": 1, "b": [1.5, None], "c": {"d": "é"}}
    store.write_json(tmp_path / "x" / "y.json", content)
    assert store.read_json(tmp_path / "x" / "y.json") == content
    assert os.listdir(tmp_path / "x") == ["y.json"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_number_that_json_lacks_is_refused_and_the_old_file_stays(tmp_path, value):
    path = tmp_path / "r.json"
    store.write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.write_json(path, {"a": value})
    assert store.read_json(path) == {"a": 1}


def test_write_that_dies_half_way_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "r.json"
    store.write_json(path, {"a": 1})

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        store.write_json(path, {"a": 2})
    assert store.read_json(path) == {"a": 1}
    assert os.listdir(tmp_path) == ["r.json"]


def test_interrupt_as_the_new_file_comes_into_being_leaves_nothing(tmp_path, monkeypatch):
    real = os.open

    def opened(path, *rest: object, **named: object) -> int:
        real(path, *rest, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "open", opened)  # mkstemp's
    monkeypatch.setattr(io, "open", lambda path, *_, **__: opened(path, os.O_CREAT))  # a path's
    with pytest.raises(KeyboardInterrupt):
        store.write_json(tmp_path / "r.json", {"a": 1})
    assert os.listdir(tmp_path) == []


def test_done_means_ended_well_under_the_current_schema(tmp_path):
    put(tmp_path, "good")
    put(tmp_path, "failed", status="failed")
    put(tmp_path, "old", schema=SCHEMA - 1)
    found = {
        trial: bool(store.done(tmp_path, trial)) for trial in ("good", "failed", "old", "none")
    }
    assert found == {"good": True, "failed": False, "old": False, "none": False}


def test_table_has_a_row_per_trial_and_dots_for_nesting(tmp_path):
    put(tmp_path, "a", quality={"value": 0.5, "deep": {"er": 1}}, config={"not": "in it"})
    put(tmp_path, "b", status="failed", quality=None)
    (tmp_path / "c").mkdir()  # a trial that has no record yet
    frame = store.load(tmp_path)
    assert list(frame["trial"]) == ["a", "b"]
    assert frame.loc[0, "quality.value"] == 0.5
    assert frame.loc[0, "quality.deep.er"] == 1
    assert frame.loc[1, "status"] == "failed"
    assert not [column for column in frame.columns if column.startswith("config")]
    assert json.loads(Path(frame.loc[0, "path"]).read_text())["trial"] == "a"


def test_folder_without_records_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"results=.*absent: is no folder; run a sweep first"):
        store.load(tmp_path / "absent")
    assert store.load(tmp_path).empty


def test_key_with_a_dot_takes_no_other_columns_place(tmp_path):
    put(tmp_path, "a", **{"quality": {"value": 0.5}, "quality.value": "=cmd", "path": "/etc"})
    frame = store.load(tmp_path)
    assert frame.loc[0, "quality.value"] == 0.5
    assert frame.loc[0, '"quality.value"'] == "=cmd"
    assert frame.loc[0, "path"] == str(tmp_path / "a" / store.RECORD)


def link(path: Path) -> None:
    elsewhere = path.with_name("elsewhere.json")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


def huge(path: Path) -> None:
    os.truncate(path, 2**28 + 1)


def another(path: Path) -> None:
    path.write_text(path.read_text().replace('"a"', '"../../etc"'))


CORRUPT = {
    "{": "content=1 bytes: is not JSON",
    "[]": "content=list: must be one JSON object",
    "": "content=0 bytes: is not JSON",
    "null": "content=NoneType: must be one JSON object",
    "\udcff{}": "content=3 bytes: is not JSON",
    '{"schema": 4, "trial": "a", "method": "m", "status": "fine"}': "status=fine: should be 'ok'",
    '{"schema": 4, "trial": "b", "method": "m", "status": "ok"}': "must be the name of its folder",
    link: "file=link: must be a file itself",
    pipe: "file=device: must be a file",
    folder: "file=folder: must be a file",
    huge: "bytes=268435457: must be 268435456 at most",
    another: r"trial=\.\./\.\./etc: must be a plain name",
}


@pytest.fixture(params=CORRUPT, ids=lambda how: how if isinstance(how, str) else how.__name__)
def corrupt(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, str]:
    """A corrupt record beside a sound one, and what is wrong with it."""
    put(tmp_path, "a")
    put(tmp_path, "sound")
    path, how = tmp_path / "a" / store.RECORD, request.param
    path.write_text(how, errors="surrogateescape") if isinstance(how, str) else how(path)
    return path, CORRUPT[how]


def test_who_only_reads_leaves_a_corrupt_record_out_and_names_it(tmp_path, corrupt):
    path, told = corrupt
    with pytest.warns(Unreadable, match=rf"{re.escape(str(path))}: .*{told}.*; left out"):
        assert list(store.load(tmp_path)["trial"]) == ["sound"]
    assert [file.name for file in path.parent.iterdir() if "corrupt" in file.name] == []


def test_who_runs_trials_sets_a_corrupt_record_aside_and_keeps_all(tmp_path, corrupt):
    path, told = corrupt
    for number in (1, 2):
        before = os.lstat(path)
        with pytest.warns(
            Unreadable, match=rf"{told}.*; set aside as record.json.corrupt-{number}"
        ):
            assert store.record(path.parent) is None
        after = os.lstat(path.with_name(f"record.json.corrupt-{number}"))
        assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
        assert not os.path.lexists(path)
        path.write_text("{")
        told = "is not JSON"


def test_what_another_sweep_has_just_set_aside_is_left_to_it(tmp_path):
    (tmp_path / "a").mkdir()
    assert store.set_aside(tmp_path / "a" / store.RECORD, "torn") is None
    assert os.listdir(tmp_path / "a") == []


def test_file_that_may_not_be_read_is_named_and_stays(tmp_path, monkeypatch):
    put(tmp_path, "a")

    def denied(path: str, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(reading, "_as_it_is", denied)
    with pytest.warns(Unreadable, match="cannot be read: Permission denied; left out"):
        assert store.load(tmp_path).empty
    with pytest.raises(PermissionError):  # it may be sound: its trial is not run again
        store.record(tmp_path / "a")
    assert os.listdir(tmp_path / "a") == [store.RECORD]


def test_the_folder_is_flushed_after_the_file_took_its_name(tmp_path, monkeypatch):
    flushed: list[tuple[bool, list[str]]] = []

    def noted(descriptor: int) -> None:
        flushed.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), os.listdir(tmp_path)))

    monkeypatch.setattr(os, "fsync", noted)
    store.write_json(tmp_path / "r.json", {})
    (first, _), (last, names) = flushed
    assert (first, last, names) == (False, True, ["r.json"])


def test_trial_whose_record_is_corrupt_runs_again(tmp_path, instant):
    first = run(tmp_path)["bitfit"]
    folder = tmp_path / first["trial"]
    (folder / store.RECORD).write_text("{")
    asked = len(instant.asked)
    with pytest.warns(Unreadable, match="set aside"):
        assert run(tmp_path)["bitfit"]["status"] == "ok"
    assert len(instant.asked) == 2 * asked
    assert (folder / "record.json.corrupt-1").read_text() == "{"


def test_phase_whose_part_is_torn_runs_again_and_the_others_do_not(tmp_path, instant):
    run(tmp_path, ["bitfit"], "phases=[train]")
    (part,) = tmp_path.glob("*/parts/train.json")
    part.write_bytes(part.read_bytes()[:50])
    instant.asked.clear()
    with pytest.warns(Unreadable, match=r"train\.json: .* set aside as train\.json\.corrupt-1"):
        run(tmp_path, ["bitfit"], "phases=[train]")
    assert [phase for _, phase in instant.asked] == ["train"]


def test_what_killed_processes_left_goes_when_the_trial_ends(tmp_path, instant):
    instant.answer = lambda trial, phase: Outcome(trial, "killed", reason="by hand")
    folder = tmp_path / run(tmp_path)["bitfit"]["trial"]
    (folder / ".weights-1a2b").mkdir()
    (folder / ".weights-1a2b" / "head.safetensors").touch()
    for left in (".record.json-x1", ".outcomes.json-x2", "parts/.train.json-x3"):
        (folder / left).parent.mkdir(exist_ok=True)
        (folder / left).touch()
    run(tmp_path)
    assert [path.name for path in folder.rglob(".*") if path.name != LEASE] == []


def test_reading_commands_name_what_is_corrupt_on_one_line_and_go_on(tmp_path, monkeypatch, capsys):
    put(tmp_path, "a")
    put(tmp_path, "b\x1b[31m")
    monkeypatch.setattr(sys, "argv", ["report", f"results={tmp_path}", f"out={tmp_path}/x.html"])
    assert entry.run(report.command, "report") == 0
    out, err = capsys.readouterr()
    assert out.startswith("report: ")
    assert err.splitlines() == [
        rf"warning: {tmp_path}/b\x1b[31m/record.json: trial=b\x1b[31m: "
        "must be a plain name: letters, digits, - and _; left out"
    ]


def test_composition_that_is_torn_is_set_aside(tmp_path):
    (tmp_path / "made.json").write_text('{"rows": [')
    with pytest.warns(Unreadable, match=r"set aside as made\.json\.corrupt-1"):
        assert store.intact(tmp_path / "made.json") is None
    assert os.listdir(tmp_path) == ["made.json.corrupt-1"]
