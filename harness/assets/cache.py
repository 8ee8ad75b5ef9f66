"""A folder of fetched assets, each of them complete or absent."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from harness.errors import AssetError

MARKER = "source.json"


@dataclass(frozen=True)
class Pin:
    """The name of an asset, and everything that decides what its files are."""

    name: str
    facts: tuple[object, ...]

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps([self.name, *self.facts]).encode()).hexdigest()


def cache_folder() -> Path:
    """HARNESS_CACHE, else peft-harness in XDG_CACHE_HOME, else in ~/.cache."""
    if chosen := os.environ.get("HARNESS_CACHE"):
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "peft-harness"


def cached(pin: Pin, fill: Callable[[Path], Path]) -> Path:
    """The content of the asset.

    Where it is not there yet, `fill` makes it in an empty folder, in one process at a time, and
    says where in that folder or elsewhere the content lies. Raises AssetError when the cache
    cannot be written.
    """
    folder = cache_folder() / f"{pin.name.replace('/', '--')}-{pin.digest[:12]}"
    if found := _complete(folder, pin):
        return found
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            return _complete(folder, pin) or _make(folder, pin, fill)
    except OSError as error:
        raise AssetError(
            f"{pin.name}: cannot be kept in {folder.parent} ({error.strerror or error}); "
            "HARNESS_CACHE names another folder"
        ) from error


def _make(folder: Path, pin: Pin, fill: Callable[[Path], Path]) -> Path:
    # A fixed name: what a killed process left is removed by the next one, which holds the lock.
    part = folder.with_name(f"{folder.name}.part")
    _remove(part)
    part.mkdir()
    try:
        content = fill(part)
        root = content.relative_to(part) if content.is_relative_to(part) else content
        # Written last: a folder with the marker in it is whole.
        marker = json.dumps({"digest": pin.digest, "root": str(root)})
        (part / MARKER).write_text(marker, encoding="utf-8")
        _remove(folder)
        os.replace(part, folder)
    finally:
        _remove(part)
    return folder / root


def _complete(folder: Path, pin: Pin) -> Path | None:
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    root: Path = folder / marker["root"]
    return root if marker["digest"] == pin.digest and root.exists() else None


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
