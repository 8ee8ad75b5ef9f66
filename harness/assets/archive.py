"""Named members of a zip archive, unpacked; what could do harm is refused."""

from __future__ import annotations

import re
import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from harness.assets.pickles import PICKLES
from harness.errors import AssetError, ConfigError

# Bounds on what a wrong archive can do to the disk.
MEMBER_LIMIT = 4 * 2**30
"""Bytes that one unpacked member may have."""
TOTAL_LIMIT = 16 * 2**30
"""Bytes that all of them may have."""
COUNT_LIMIT = 100_000
"""Members that an archive may have."""
RATIO_LIMIT = 200
"""Times that a member may grow: deflate reaches 1032 on zeros, tables and texts stay below 50."""
SMALL = 2**20
"""Bytes up to which a member may grow by any factor."""
NAME_LIMIT, PART_LIMIT = 1024, 255
"""Bytes of a member's name, and of each part of it, that file systems take."""
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Those of wheels, and the ones that zipfile unpacks in bounded memory."""
ENCRYPTED = 0x1 | 0x40 | 0x2000
LOCAL_HEADER = 30
"""Bytes before the name of each member."""
# What zipfile raises for archives that are cut off, bent or made for other readers.
BROKEN = (zipfile.BadZipFile, EOFError, zlib.error, struct.error, LookupError, ValueError,
          RuntimeError)  # fmt: skip


def unpack(archive: Path, patterns: Sequence[str], field: str, folder: Path) -> None:
    """Write the archive's members whose names match one of the patterns below `folder`.

    Nothing is written before all of them are known to be harmless. Raises AssetError for an archive
    that is broken, or that holds something under these names that must not be written; ConfigError,
    at `field`, when a pattern matches nothing.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            _check_layout(opened)
            for member in _selected(opened, patterns, field):
                _extract(opened, member, folder)
    except ConfigError:
        raise
    except BROKEN as error:
        raise AssetError(f"a broken archive: {error}") from error


def _check_layout(archive: zipfile.ZipFile) -> None:
    """Every byte of an archive belongs to one member, and every name as well.

    A bomb of Fifield's kind (2019, "A better zip bomb") has thousands of members share their bytes.
    """
    members = sorted(archive.infolist(), key=lambda member: member.header_offset)
    if len(members) > COUNT_LIMIT:
        raise AssetError(f"{len(members)} members, more than the limit of {COUNT_LIMIT}")
    names: set[str] = set()
    end = 0
    for member in members:
        if member.header_offset < end:
            raise _refused(member, "its bytes belong to another member, too")
        end = member.header_offset + LOCAL_HEADER + len(member.filename) + member.compress_size
        if member.filename in names:
            raise _refused(member, "two members have this name")
        names.add(member.filename)
    if end > archive.start_dir:
        raise _refused(members[-1], "its bytes belong to the table of contents, too")


def _selected(
    archive: zipfile.ZipFile, patterns: Sequence[str], field: str
) -> list[zipfile.ZipInfo]:
    files = [member for member in archive.infolist() if not member.is_dir()]
    chosen: dict[str, zipfile.ZipInfo] = {}
    for pattern in patterns:
        matches = [member for member in files if fnmatchcase(member.filename, pattern)]
        if not matches:
            raise ConfigError(field, pattern, "matches nothing in the package")
        chosen |= {member.filename: member for member in matches}
    members = list(chosen.values())
    for member in members:
        if problem := _unsafe(member):
            raise _refused(member, problem)
    _check_places(members)
    total = sum(member.file_size for member in members)
    if total > TOTAL_LIMIT:
        raise AssetError(f"{total} bytes in all, more than the limit of {TOTAL_LIMIT}")
    return members


def _unsafe(member: zipfile.ZipInfo) -> str | None:
    # zipfile cuts a name at its first zero byte.
    name = PurePosixPath(member.orig_filename)
    if name.is_absolute() or ".." in name.parts or re.search(r"[\\:\0]", member.orig_filename):
        return "its name leads out of the folder"
    if not member.filename.isprintable():
        return "its name holds what cannot be printed"
    if not name.parts:
        return "its name is that of no file"
    sizes = [len(part.encode()) for part in name.parts]
    if max(sizes) > PART_LIMIT or len(member.filename.encode()) > NAME_LIMIT:
        return "its name is too long"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        return "a link or a device, not a file"
    if member.flag_bits & ENCRYPTED:
        return "it is encrypted"
    if member.compress_type not in PACKINGS:
        return "it is packed as no wheel is"
    if member.file_size > MEMBER_LIMIT:
        return f"{member.file_size} bytes, more than the limit of {MEMBER_LIMIT}"
    if member.file_size > max(SMALL, RATIO_LIMIT * member.compress_size):
        return f"{member.file_size} bytes out of {member.compress_size}, a bomb"
    if any(fnmatchcase(name.name.lower(), pattern) for pattern in PICKLES):
        return "a pickle runs code when it is loaded"
    return None


def _check_places(members: Sequence[zipfile.ZipInfo]) -> None:
    """Two members must not claim one place, on file systems that know no case either."""
    taken: dict[str, str] = {}
    for member in members:
        place = _place(PurePosixPath(member.filename))
        if place in taken:
            raise _refused(member, f"it would take the place of {taken[place]!r}")
        taken[place] = member.filename
    for member in members:
        for parent in PurePosixPath(member.filename).parents:
            if _place(parent) in taken:
                raise _refused(member, f"{taken[_place(parent)]!r} is a file")


def _place(name: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(name)).casefold()


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    path = folder / member.filename
    path.parent.mkdir(parents=True, exist_ok=True)
    declared = member.file_size
    # zipfile stops at the size that it is told: one byte more shows a member that goes on.
    member.file_size += 1
    with archive.open(member) as packed, path.open("xb") as unpacked:
        shutil.copyfileobj(packed, unpacked, 2**20)
        if unpacked.tell() != declared:
            raise _refused(member, f"it is not of the {declared} bytes that it declares")


def _refused(member: zipfile.ZipInfo, problem: str) -> AssetError:
    shown = member.filename if len(member.filename) <= 80 else f"{member.filename[:80]}…"
    return AssetError(f"refused to unpack {shown!r}: {problem}")
