"""Archives that somebody made to do harm, or that broke on their way: refused in one line."""

from __future__ import annotations

import random
import shutil
import stat
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from harness.assets import archive
from harness.errors import AssetError, ConfigError, HarnessError


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return tmp_path / "made.zip"


def unpacked(path: Path) -> Path:
    folder = path.parent / "deep" / "folder"
    archive.unpack(path, ("*",), "members", folder)
    return folder


def refused(path: Path) -> str:
    """The line of the refusal; nothing may be written outside, nor anything that is not whole."""
    with pytest.raises(AssetError) as caught:
        unpacked(path)
    shutil.rmtree(path.parent / "deep", ignore_errors=True)
    assert list(path.parent.iterdir()) == [path]
    assert str(caught.value).isprintable()
    return str(caught.value)


def written(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], packing: int = 8) -> Path:
    with zipfile.ZipFile(path, "w", packing) as opened:
        for name, content in members:
            opened.writestr(name, content, compress_type=packing)
    return path


def declaring(path: Path, size: int, crc: int) -> Path:
    """The archive's first member, said to be of this size and sum, in both places."""
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\3\4", 14), (b"PK\1\2", 16)):
        start = content.index(signature) + place
        struct.pack_into("<I", content, start, crc)
        struct.pack_into("<I", content, start + 8, size)
    path.write_bytes(content)
    return path


def flagged(path: Path, signature: bytes, place: int, value: int) -> Path:
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, content.index(signature) + place, value)
    path.write_bytes(content)
    return path


def special(name: str, kind: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (kind | 0o777) << 16
    return member


@pytest.mark.parametrize(
    "name",
    ["../a", "a/../../b", "a/..", "/etc/a", "//host/a", "C:/a", "c:a", "a\\..\\..\\b",
     "\\\\host\\a", "a\0.txt"],
)  # fmt: skip
def test_name_that_leads_out_is_refused(made, name):
    content = written(made, (name.replace("\0", "#"), b"x")).read_bytes()
    made.write_bytes(content.replace(name.replace("\0", "#").encode(), name.encode()))
    assert "its name leads out of the folder" in refused(made)


@pytest.mark.parametrize("name", ["a\n.txt", "a\x1b[31m", "a\u202e.txt", "\x7f"])
def test_name_that_steers_a_terminal_is_refused(made, name):
    assert "what cannot be printed" in refused(written(made, (name, b"x")))


@pytest.mark.parametrize("name", ["x" * 256, "é" * 128, "/".join(["abcdefgh"] * 200)])
def test_name_that_no_file_system_takes_is_refused(made, name):
    message = refused(written(made, (name, b"x")))
    assert "its name is too long" in message
    assert len(message) < 200


@pytest.mark.parametrize("name", [".", "./.", ""])
def test_name_of_no_file_is_refused(made, name):
    content = written(made, (name or "#", b"x")).read_bytes()
    if not name:  # its length alone: the byte becomes one of what follows
        content = bytearray(content)
        struct.pack_into("<H", content, content.index(b"PK\1\2") + 28, 0)
        made.write_bytes(content)
    refused(made)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_link_and_device_are_refused(made, kind):
    assert "a link or a device" in refused(written(made, (special("a", kind), b"/etc/passwd")))


def test_name_that_stands_twice_is_refused(made):
    with pytest.warns(UserWarning, match="Duplicate name"):
        written(made, ("a", b"good"), ("a", b"bad"))
    assert "two members have this name" in refused(made)


@pytest.mark.parametrize(
    ("one", "other"),
    [("A.txt", "a.txt"), ("a/b", "A/B"), ("a/b", "a//b"), ("a", "./a"), ("é", "e\u0301"),
     ("straße", "STRASSE")],
)  # fmt: skip
def test_two_names_of_one_place_are_refused(made, one, other):
    assert "it would take the place of" in refused(written(made, (one, b"1"), (other, b"2")))


@pytest.mark.parametrize(("one", "other"), [("a", "a/b"), ("A/b", "a")])
def test_file_that_is_another_members_folder_is_refused(made, one, other):
    assert "is a file" in refused(written(made, (one, b"1"), (other, b"2")))


@pytest.mark.parametrize("flag", [0x1, 0x41, 0x2000])
def test_encrypted_member_is_refused(made, flag):
    written(made, ("a", b"x"))
    assert "it is encrypted" in refused(flagged(made, b"PK\1\2", 8, flag))


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_without_a_bound_is_refused(made, packing):
    assert "packed as no wheel is" in refused(written(made, ("a", bytes(2**20)), packing=packing))


def test_bomb_that_says_so_is_refused_before_it_is_unpacked(made):
    message = refused(written(made, ("small.txt", b"x"), ("a", bytes(2 * 2**20))))
    assert "2097152 bytes out of" in message


def test_bomb_that_hides_its_size_unpacks_no_further_than_it_says(made):
    written(made, ("a", bytes(64 * 2**20)))
    declaring(made, 100, zlib.crc32(bytes(100)))
    tracemalloc.start()
    refused(made)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20


@pytest.mark.parametrize("content", [bytes(range(200)) * 3, b"x"])
@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_member_that_goes_on_beyond_its_size_is_refused(made, content, packing):
    written(made, ("a", content), packing=packing)
    short = content[: len(content) // 2]
    refused(declaring(made, len(short), zlib.crc32(short)))


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_member_that_ends_before_its_size_is_refused(made, packing):
    written(made, ("a", b"whole"), packing=packing)
    assert "is not of the 50 bytes" in refused(declaring(made, 50, zlib.crc32(b"whole")))


def test_members_that_share_their_bytes_are_refused(made):
    """Fifield's bomb with full overlap: every name in the directory points at one kernel."""
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a0", bytes(2**20))
        for place in range(1, 1000):
            opened.filelist.append(clone := zipfile.ZipInfo("a0"))
            kernel = opened.filelist[0]
            for name in ("CRC", "compress_size", "file_size", "compress_type", "header_offset"):
                setattr(clone, name, getattr(kernel, name))
            clone.filename = f"a{place}"
    assert "its bytes belong to another member, too" in refused(made)


def test_members_that_quote_the_next_one_are_refused(made):
    """Fifield's bomb with quoted headers: each member's data begins with the next one's header."""
    written(made, ("a", b"1" * 50), ("b", b"2" * 50), packing=zipfile.ZIP_STORED)
    content = bytearray(made.read_bytes())
    directory = content.index(b"PK\1\2")
    (size,) = struct.unpack_from("<I", content, directory + 20)
    struct.pack_into("<II", content, directory + 20, size + 40, size + 40)
    made.write_bytes(content)
    assert "its bytes belong to another member, too" in refused(made)


def test_limits_hold_for_all_members_together(made, monkeypatch):
    monkeypatch.setattr(archive, "TOTAL_LIMIT", 10)
    assert unpacked(written(made, ("a", b"12345"), ("b", b"12345"))).is_dir()
    assert "11 bytes in all" in refused(written(made, ("c", b"12345"), ("d", b"123456")))
    monkeypatch.setattr(archive, "COUNT_LIMIT", 3)
    many = [(str(place), b"") for place in range(4)]
    assert "4 members, more than the limit of 3" in refused(written(made, *many))


def test_wrong_sum_is_refused(made):
    content = written(made, ("a", b"whole"), packing=zipfile.ZIP_STORED).read_bytes()
    made.write_bytes(content.replace(b"whole", b"wHole", 1))
    assert "a broken archive: Bad CRC-32" in refused(made)


def test_archive_that_is_cut_off_anywhere_is_refused(made):
    whole = written(made, ("a", b"one" * 50), ("b/c", bytes(range(256)))).read_bytes()
    for length in range(len(whole)):
        made.write_bytes(whole[:length])
        assert refused(made).startswith("a broken archive: ")


def test_mutated_archive_is_unpacked_whole_or_refused_in_one_line(made):
    """Also when bytes are changed that zipfile itself does not expect to be wrong."""
    rng = random.Random(0)
    content = {"a": b"one" * 50, "b/c": bytes(range(256))}
    whole = written(made, *content.items()).read_bytes()
    refusals, wholes = 0, 0
    for _ in range(800):
        bent = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 5))):
            bent[rng.randrange(len(bent))] = rng.choice((0, 1, 255, rng.randrange(256)))
        made.write_bytes(bent)
        try:
            folder = unpacked(made)
        except HarnessError as error:
            refusals += str(error).isprintable()
        else:
            wholes += 1
            files = {p.relative_to(folder) for p in folder.rglob("*") if p.is_file()}
            assert {(folder / file).read_bytes() for file in files} <= set(content.values())
        shutil.rmtree(made.parent / "deep", ignore_errors=True)
        assert list(made.parent.iterdir()) == [made]
    assert refusals + wholes == 800
    assert refusals > 200


def test_member_named_like_the_caches_own_file_is_a_file_like_any_other(made):
    folder = unpacked(written(made, ("source.json", b"{}"), ("deep/source.json", b"[]")))
    assert (folder / "source.json").read_bytes() == b"{}"
    assert (folder / "deep" / "source.json").read_bytes() == b"[]"


def test_pattern_that_matches_nothing_is_told_at_its_field(made):
    written(made, ("a", b"x"))
    with pytest.raises(ConfigError, match=r"^members=b\*: matches nothing"):
        archive.unpack(made, ("b*",), "members", made.parent / "out")
