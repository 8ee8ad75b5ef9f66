"""The cache: complete or absent, one fetch for many who ask at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

import harness
from harness.assets import cache, fetch
from harness.errors import AssetError
from tests.assets.conftest import MakeSource

TOY = [("toy/a.txt", b"one")]

ASK = """
import json, logging, sys
logging.basicConfig(level=logging.INFO, format="%(message)s")
from harness.assets import fetch
from harness.config import Source
source = Source(**json.loads(sys.argv[1]))
print((fetch(source) / "a.txt").read_text())
"""


def test_processes_that_ask_at_once_fetch_once(packaged: MakeSource) -> None:
    source = json.dumps(asdict(packaged(TOY)))
    asked = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, source],
            cwd=Path(harness.__file__).parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=120) for process in asked]
    assert [out for out, _ in answers] == ["one\n"] * 3
    assert sum(err.count("fetching toy==1.0") for _, err in answers) == 1


def test_what_a_killed_process_left_is_replaced(packaged: MakeSource) -> None:
    source = packaged(TOY)
    folder = fetch(source).parents[1]
    (folder / cache.MARKER).unlink()
    (folder / "files" / "toy" / "a.txt").write_text("half")
    part = folder.with_name(f"{folder.name}.part")
    (part / "files").mkdir(parents=True)
    assert (fetch(source) / "a.txt").read_text() == "one"
    assert not part.exists()


def test_other_members_of_a_package_are_another_asset(packaged: MakeSource) -> None:
    both = [("toy/a.txt", b"one"), ("toy/b.txt", b"two")]
    first = fetch(packaged(both, members=("toy/a.txt",)))
    second = fetch(packaged(both, members=("toy/b.txt",)))
    assert [path.name for path in first.iterdir()] == ["a.txt"]
    assert [path.name for path in second.iterdir()] == ["b.txt"]


def test_a_cache_that_cannot_be_written_is_said(
    packaged: MakeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(AssetError, match=r"cannot be kept in .*file/cache .*HARNESS_CACHE"):
        fetch(packaged(TOY))


def test_the_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", "/own")
    assert cache.cache_folder() == Path("/own")
    monkeypatch.delenv("HARNESS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache.cache_folder() == Path("/xdg/peft-harness")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.cache_folder() == Path(os.path.expanduser("~")) / ".cache" / "peft-harness"
