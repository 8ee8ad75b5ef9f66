"""A folder of fetched assets, each of them complete and as it was fetched, or absent."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from filelock import FileLock

from harness.assets.contents import file_digest
from harness.errors import AssetError

log = logging.getLogger(__name__)

MARKER = "source.json"
LAYOUT = 2
"""Of the marker: raise it when one that was written before says too little."""


@dataclass(frozen=True)
class Pin:
    """The name of an asset, and everything that decides what its files are."""

    name: str
    facts: tuple[object, ...]

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps([LAYOUT, self.name, *self.facts]).encode()).hexdigest()


def cache_folder() -> Path:
    """HARNESS_CACHE, else peft-harness in XDG_CACHE_HOME, else in ~/.cache."""
    if chosen := os.environ.get("HARNESS_CACHE"):
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "peft-harness"


def cached(pin: Pin, fill: Callable[[Path], Path]) -> Path:
    """The content of the asset.

    Where it is not there yet, `fill` makes it in an empty folder, in one process at a time, and
    says where in that folder or elsewhere the content lies. What is there and was changed since is
    made anew. Raises AssetError when the cache cannot be written.
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
    # What killed processes left. A name of its own for each, since the pip of one goes on writing.
    for left in folder.parent.glob(f"{folder.name}.part*"):
        shutil.rmtree(left, ignore_errors=True)
    part = folder.with_name(f"{folder.name}.part-{uuid4().hex[:8]}")
    if folder.exists():
        log.warning("%s in the cache is not what was fetched; fetching it again", folder.name)
    part.mkdir()
    try:
        content = fill(part)
        root = content.relative_to(part) if content.is_relative_to(part) else content
        # Written last: a folder with the marker in it is whole.
        marker = {"digest": pin.digest, "root": str(root), "files": _stamps(content)}
        (part / MARKER).write_text(json.dumps(marker), encoding="utf-8")
        _remove(folder)
        os.replace(part, folder)
    finally:
        _remove(part)
    return folder / root


def _complete(folder: Path, pin: Pin) -> Path | None:
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        root: Path = folder / marker["root"]
        whole = marker["digest"] == pin.digest and all(
            _unchanged(f"{root}/{name}", *stamp) for name, stamp in marker["files"].items()
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return root if whole else None


def _stamps(root: Path) -> dict[str, tuple[int, int, str]]:
    """Of each file: its bytes, when it was written, and its sha256."""
    found = {}
    for file in sorted(file for file in root.rglob("*") if file.is_file()):
        state = file.stat()
        stamp = (state.st_size, state.st_mtime_ns, file_digest(file))
        found[file.relative_to(root).as_posix()] = stamp
    return found


def _unchanged(file: str, size: int, written: int, digest: str) -> bool:
    """A cache that was copied has other times; reading what is in it takes longer, and tells."""
    state = os.stat(file)
    if state.st_size != size:
        return False
    return state.st_mtime_ns == written or file_digest(Path(file)) == digest


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
