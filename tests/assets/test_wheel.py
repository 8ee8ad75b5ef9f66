"""What is unpacked from a wheel, and what is refused."""

from __future__ import annotations

import shutil
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from harness.assets import archive, fetch, wheel
from harness.errors import AssetError, ConfigError
from tests.assets.conftest import MakeSource

TOY = [("toy/a.txt", b"one"), ("toy/deep/b.json", b"{}")]


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def without_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pip step as a copy, for rules that come after it."""

    def copy(requirement: str, folder: Path) -> Path:
        folder.mkdir()
        return Path(shutil.copy(tmp_path / "index" / "toy-1.0-py3-none-any.whl", folder))

    monkeypatch.setattr(wheel, "_download", copy)


def test_only_the_named_members_are_unpacked(packaged: MakeSource, tmp_path: Path) -> None:
    source = packaged(TOY, members=("toy/*.txt", "toy/deep/*"))
    folder = fetch(source)
    assert names(folder) == ["a.txt", "deep", "deep/b.json"]
    assert (folder / "a.txt").read_bytes() == b"one"
    assert not list(tmp_path.glob("cache/**/*.whl"))


def test_a_second_call_asks_nobody(packaged: MakeSource, monkeypatch: pytest.MonkeyPatch) -> None:
    source = packaged(TOY)
    first = fetch(source)

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr("subprocess.run", fail)
    assert fetch(source) == first


def test_a_wrong_checksum_names_both_and_leaves_nothing(
    packaged: MakeSource, tmp_path: Path
) -> None:
    source = packaged(TOY)
    wrong = "0" * 64
    with pytest.raises(AssetError) as caught:
        fetch(replace(source, sha256=wrong))
    message = str(caught.value)
    assert "toy==1.0" in message
    assert wrong in message
    assert str(source.sha256) in message
    assert [path for path in names(tmp_path / "cache") if not path.endswith(".lock")] == []


def test_no_network_is_one_line_with_the_reason_of_pip(
    packaged: MakeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = packaged(TOY)
    # Nothing listens on port 9 (discard) of this machine.
    for name, value in {
        "PIP_NO_INDEX": "0",
        "PIP_FIND_LINKS": "",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "1",
        "PIP_TIMEOUT": "1",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(AssetError) as caught:
        fetch(source)
    message = str(caught.value)
    assert message.startswith("toy==1.0: no connection to the package index; pip says: ")
    assert "No matching distribution found for toy==1.0" in message
    assert "\n" not in message
    assert [path for path in names(tmp_path / "cache") if not path.endswith(".lock")] == []


def test_an_unknown_version_is_not_called_a_dead_network(packaged: MakeSource) -> None:
    source = packaged(TOY)
    with pytest.raises(AssetError, match=r"^toy==2\.0: pip says: No matching distribution"):
        fetch(replace(source, version="2.0"))


def test_a_missing_pip_is_said(packaged: MakeSource, monkeypatch: pytest.MonkeyPatch) -> None:
    source = packaged(TOY)
    monkeypatch.setattr(wheel, "find_spec", lambda name: None)
    with pytest.raises(AssetError, match=r"pip is missing from .*python"):
        fetch(source)


def test_an_sdist_is_never_taken(packaged: MakeSource, tmp_path: Path) -> None:
    source = packaged(TOY)
    made = tmp_path / "index" / "toy-1.0-py3-none-any.whl"
    made.rename(made.with_name("toy-1.0.tar.gz"))
    with pytest.raises(AssetError, match="No matching distribution"):
        fetch(source)


def linked(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


@pytest.mark.usefixtures("without_pip")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("toy/../../out.txt", "its name leads out of the folder"),
        ("/toy/out.txt", "its name leads out of the folder"),
        ("toy\\..\\out.txt", "its name leads out of the folder"),
        ("C:/toy/out.txt", "its name leads out of the folder"),
        (linked("toy/link"), "a link or a device"),
        ("toy/model.pt", "a pickle runs code"),
        ("toy/pytorch_model.BIN", "a pickle runs code"),
    ],
)
def test_an_unsafe_member_is_refused(
    packaged: MakeSource, tmp_path: Path, name: str | zipfile.ZipInfo, reason: str
) -> None:
    source = packaged([("toy/a.txt", b"one"), (name, b"/etc/passwd")], members=("*toy*",))
    with pytest.raises(AssetError, match=rf"^toy==1\.0: refused to unpack .*: {reason}"):
        fetch(source)
    assert not [path for path in tmp_path.rglob("*") if path.name in ("out.txt", "link", "a.txt")]


@pytest.mark.usefixtures("without_pip")
def test_a_member_above_the_limit_is_refused(
    packaged: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MEMBER_LIMIT", 3)
    assert fetch(packaged([("toy/a.txt", b"123")])).is_dir()
    with pytest.raises(AssetError, match="4 bytes, more than the limit of 3"):
        fetch(packaged([("toy/a.txt", b"1234")]))


@pytest.mark.usefixtures("without_pip")
def test_a_file_that_is_no_archive_is_said(packaged: MakeSource, tmp_path: Path) -> None:
    source = packaged(TOY)
    made = tmp_path / "index" / "toy-1.0-py3-none-any.whl"
    made.write_bytes(b"no archive")
    digest = wheel.file_digest(made)
    with pytest.raises(AssetError, match=r"^toy==1\.0: a broken archive: File is not a zip file"):
        fetch(replace(source, sha256=digest))


@pytest.mark.usefixtures("without_pip")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"members": ("toy/none*",)}, "model.source.members=toy/none*"),
        ({"root": "tot"}, "model.source.root=tot"),
        ({"root": "../.."}, "model.source.root=../..: leads out of toy"),
        ({"root": "/etc"}, "model.source.root=/etc: leads out of toy"),
        ({"package": "toy @ file:///toy.tar.gz#"}, "model.source.package=toy @ file"),
        ({"package": "-r"}, "model.source.package=-r: is no package"),
        ({"version": "1.0 --no-index"}, "model.source.version=1.0 --no-index: is no version"),
        ({"sha256": "abc"}, "model.source.sha256=abc"),
    ],
)
def test_a_wrong_source_names_its_field(
    packaged: MakeSource, change: dict[str, object], field: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        fetch(replace(packaged(TOY), **change), "model.source")
    assert str(caught.value).startswith(field)
