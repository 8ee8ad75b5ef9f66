"""Records on disk: whole or absent, and read as one table."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness import store
from harness.config import SCHEMA
from harness.errors import ConfigError


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


@pytest.mark.parametrize("content", ["{", "[]", "", "null"])
def test_file_that_is_no_record_is_named(tmp_path, content):
    put(tmp_path, "a")
    (tmp_path / "a" / store.RECORD).write_text(content)
    with pytest.raises(ConfigError, match=r"record\.json"):
        store.load(tmp_path)
