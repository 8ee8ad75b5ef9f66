"""Models and data sets of the Hugging Face hub, at a commit."""

from __future__ import annotations

import hashlib
import logging
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.assets.cache import Pin
from harness.assets.contents import file_digest
from harness.assets.pickles import PICKLES
from harness.errors import AssetError, ConfigError

if TYPE_CHECKING:
    from harness.assets.source import Source

log = logging.getLogger(__name__)

DATA = "datasets/"
"""Begins the name of a repository of data, as on the hub itself."""
COMMIT = "[0-9a-f]{40}"
WEIGHTS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
TABLES = ("*.csv", "*.tsv", "*.jsonl", "*.parquet")


def pinned(source: Source, field: str) -> Pin:
    """The source's pin; raises ConfigError when its revision is no commit."""
    if not re.fullmatch(COMMIT, str(source.revision)):
        expected = "must be a commit (40 hex digits), since branches and tags move"
        raise ConfigError(f"{field}.revision", source.revision, expected)
    return Pin(str(source.repo), (source.revision, source.members))


@cache
def commit(repo: str, revision: str, field: str) -> str:
    """The commit that a branch or tag of a repository stands for today; a commit is itself.

    Raises ConfigError, at `field`, where the hub does not say.
    """
    if re.fullmatch(COMMIT, revision):
        return revision
    from huggingface_hub import HfApi

    api, data = HfApi(), repo.startswith(DATA)
    try:
        asked = api.dataset_info if data else api.model_info
        found = asked(repo.removeprefix(DATA), revision=revision).sha
    except Exception as error:  # of any network
        expected = (
            f"its commit cannot be asked for: {_reason(error)}; give the commit of a fetched one,"
            f" or {_elsewhere(repo)}"
        )
        raise ConfigError(field, revision, expected) from error
    return str(found)


def snapshot(source: Source) -> Path:
    """The folder of the repository's files; `datasets/NAME` is a data set, anything else a model.

    It lies in the hub's own cache, which may already hold what other programs fetched.
    """
    from huggingface_hub import snapshot_download

    repo = str(source.repo)
    log.info("fetching %s at %s from the hub", repo, source.revision)
    try:
        folder = snapshot_download(
            repo.removeprefix(DATA),
            repo_type="dataset" if repo.startswith(DATA) else "model",
            revision=source.revision,
            allow_patterns=list(source.members or WEIGHTS + TABLES),
            ignore_patterns=list(PICKLES),
        )
    except (OSError, ValueError) as error:
        told = f"not had from the hub: {_reason(error)}; {_elsewhere(repo)}"
        raise AssetError(f"{repo} at {source.revision}: {told}") from error
    _check(Path(folder), repo)
    return Path(folder)


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")


def _elsewhere(repo: str) -> str:
    kind, name = ("task", "csv") if repo.startswith(DATA) else ("model", "path")
    return f"fetch it where the hub can be reached, and use {kind}={name} {kind}.path=..."


def _check(folder: Path, repo: str) -> None:
    """Raise AssetError for a file that is not the one that the hub's cache says it is.

    Each is a link to a file whose name is its sha256, or git's name for its content. A cache
    without links says nothing.
    """
    for file in sorted(folder.rglob("*")):
        kept = file.resolve()
        if file.is_symlink() and kept.is_file() and kept.name != _name(kept):
            expected = "is not what the hub gave; remove it, and it is fetched again"
            raise AssetError(f"{repo}: {kept} {expected}")


def _name(file: Path) -> str:
    if len(file.name) == 64:
        return file_digest(file)
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
