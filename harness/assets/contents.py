"""The sha256 of a file or of a folder's contents."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path


def file_digest(path: Path) -> str:
    """The sha256 of the file, as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def contents_digest(path: Path) -> str:
    """The sha256 of the file, or of the sorted relative names and contents of the folder."""
    states = ((str(file), file.stat()) for file in _files(path))
    return _digest(path, tuple((name, s.st_size, s.st_mtime_ns) for name, s in states))


@lru_cache
def _digest(path: Path, stamp: tuple[tuple[str, int, int], ...]) -> str:
    # The stamp is here as the cache's key: a sweep asks for the same large folder once per trial.
    if path.is_file():
        return file_digest(path)
    total = hashlib.sha256()
    for file in _files(path):
        total.update(f"{file.relative_to(path).as_posix()}\0{file_digest(file)}\n".encode())
    return total.hexdigest()


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = (file for file in path.rglob("*") if file.is_file())
    return sorted(found, key=lambda file: file.relative_to(path).as_posix())
