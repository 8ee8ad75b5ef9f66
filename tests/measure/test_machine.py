from __future__ import annotations

import platform
from pathlib import Path

import pytest

from harness.measure import machine as module
from harness.measure.machine import machine


@pytest.fixture
def ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that tells this machine from others, and a name that may be told to nobody."""
    path = tmp_path / "machine-id"
    path.write_text("0123456789abcdef0123456789abcdef\n")
    monkeypatch.setattr(module, "MACHINE_IDS", (path,))
    monkeypatch.setattr(platform, "node", lambda: "laptop-of-alice")
    return path


def test_the_same_machine_has_the_same_id(ids: Path) -> None:
    assert machine() == machine()
    assert len(machine()["machine"]) == 8


def test_another_name_or_another_id_is_another_machine(
    ids: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = machine()["machine"]
    ids.write_text("f" * 32)
    second = machine()["machine"]
    monkeypatch.setattr(platform, "node", lambda: "node-2")
    assert len({first, second, machine()["machine"]}) == 3


def test_a_machine_without_an_id_has_its_name(ids: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids.unlink()
    first = machine()["machine"]
    monkeypatch.setattr(platform, "node", lambda: "node-2")
    assert machine()["machine"] != first


def test_neither_name_nor_id_can_be_read_from_it(ids: Path) -> None:
    told = repr(machine())
    assert "alice" not in told
    assert "0123" not in told
