"""The cache: complete or absent, one fetch for many who ask at once."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
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


def test_file_that_was_changed_in_the_cache_is_fetched_anew_and_said(
    packaged: MakeSource, caplog: pytest.LogCaptureFixture
) -> None:
    source = packaged([("toy/a.txt", b"one"), ("toy/b.txt", b"two")])
    folder = fetch(source)
    spoil: list[Callable[[Path], object]] = [
        lambda file: file.write_bytes(b"eno"),  # as long as it was
        lambda file: file.write_bytes(b"on"),
        lambda file: file.write_bytes(b""),
        Path.unlink,
    ]
    for change in spoil:
        change(folder / "a.txt")
        assert (fetch(source) / "a.txt").read_bytes() == b"one"
        assert caplog.messages.pop().endswith("is not what was fetched; fetching it again")


def test_cache_that_was_copied_is_not_fetched_anew(
    packaged: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = packaged(TOY)
    os.utime(fetch(source) / "a.txt", (0, 0))
    monkeypatch.setattr("subprocess.run", None)
    assert (fetch(source) / "a.txt").read_bytes() == b"one"


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '"x"', '{"digest": 1, "root": 2, "files": 3}', "\0"]
)
def test_marker_that_is_none_is_no_marker(packaged: MakeSource, content: str) -> None:
    source = packaged(TOY)
    marker = fetch(source).parents[1] / cache.MARKER
    whole = marker.read_text()
    for spoilt in (content, whole[: len(whole) // 2], whole.replace('"a.txt": [', '"a.txt": [9, ')):
        marker.write_text(spoilt)
        assert (fetch(source) / "a.txt").read_bytes() == b"one"
        assert json.loads(marker.read_text())["files"]


def test_file_that_a_package_names_like_the_marker_is_no_marker(packaged: MakeSource) -> None:
    source = packaged([("toy/source.json", b"{}"), *TOY])
    folder = fetch(source)
    assert (folder / "source.json").read_bytes() == b"{}"
    assert fetch(source) == folder


@pytest.mark.slow
def test_whatever_a_process_is_killed_at_the_next_one_fetches_all(
    packaged: MakeSource, tmp_path: Path
) -> None:
    rng = random.Random(0)
    content = {f"toy/{n}.bin.txt": rng.randbytes(2**20) for n in range(40)}
    source = packaged([("toy/a.txt", b"one"), *content.items()])
    asked = json.dumps(asdict(source))
    started = time.perf_counter()
    assert ask(asked).wait(120) == 0
    whole = time.perf_counter() - started
    at = Counter()
    for attempt in range(20):
        shutil.rmtree(tmp_path / "cache")
        process = ask(asked)
        time.sleep(rng.uniform(0, whole))
        alone = attempt % 2 == 1  # pip outlives it, and goes on writing
        (os.kill if alone else os.killpg)(process.pid, signal.SIGKILL)
        process.wait(120)
        at[state(tmp_path / "cache")] += 1
        folder = fetch(source)
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
            Path(name).name: written for name, written in [("a.txt", b"one"), *content.items()]
        }
        if alone:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            continue
        left = {path.name for path in (tmp_path / "cache").iterdir()}
        assert left == {folder.parents[1].name, f"{folder.parents[1].name}.lock"}
    assert len(at) > 1, at  # kills at one moment alone would show little


def ask(source: str) -> subprocess.Popen[bytes]:
    """A process that fetches; in a group of its own, with pip in it."""
    return subprocess.Popen(
        [sys.executable, "-c", ASK, source],
        cwd=Path(harness.__file__).parents[1],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def state(folder: Path) -> str:
    parts = list(folder.glob("*.part-*/*"))
    if any(part.name == "files" for part in parts):
        return "unpacking"
    return "downloading" if parts else "before or after"


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
