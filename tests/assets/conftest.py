from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from harness.config import Source

Entries = Iterable[tuple[str | zipfile.ZipInfo, bytes]]
MakeSource = Callable[..., Source]


@pytest.fixture(autouse=True)
def own_cache(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache of the test's own, unless it needs what the user's cache may already hold."""
    if "network" not in request.keywords:
        monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeSource:
    """Make a wheel of the given members on a package index of one folder, and its source."""
    index = tmp_path / "index"
    index.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")

    def make(entries: Entries, members: tuple[str, ...] = ("toy/*",), root: str = "toy") -> Source:
        wheel = index / "toy-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(
                "toy-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n"
            )
            archive.writestr("toy-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            archive.writestr("toy-1.0.dist-info/RECORD", "")
            for name, content in entries:
                archive.writestr(name, content)
        sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
        return Source("package", "toy", "1.0", sha256, members=members, root=root)

    return make
