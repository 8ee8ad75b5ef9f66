"""The files of a data set that several of them make, where its config names none of them."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from harness import assets
from harness.assets.source import Source
from harness.checked import from_plain
from harness.errors import ConfigError

TABLES = ("csv", "tsv", "jsonl", "parquet")
SPLIT_FILE = re.compile(r"(?:.*/)?(train|validation|test)(?:-\d+-of-\d+)?\.(\w+)")
"""As the hub's own tools name the files of a split: `data/train-00000-of-00002.parquet`."""


def with_files(plain: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `TaskConfig` with the files of its official splits.

    For a folder that `datasets` saved and for a repository of the hub, whose format is null. Raises
    ConfigError, which lists what there is, where no split to train on is found.
    """
    saved, repository = plain.get("format") == "dataset", plain.get("format", "") is None
    named = list((plain.get("files") or {}).values()) or [plain.get("file")]
    if repository and named[0]:
        return plain | {"format": _format(named[0])}
    if named[0] or not (saved or repository):
        return plain
    folder = assets.fetch(from_plain(Source, plain["source"]), "task.source")
    if repository:
        return plain | _of_repository(folder)
    return plain | {"files": _of_saved(folder)}


def _of_saved(folder: Path) -> dict[str, str]:
    """The splits of a DatasetDict; none where one Dataset was saved."""
    names = folder / "dataset_dict.json"
    if not names.is_file():
        return {}
    from harness.tasks.splits import SPLITS

    splits = json.loads(names.read_text("utf-8"))["splits"]
    found: dict[str, str] = {split: split for split in SPLITS if split in splits}
    if "train" in found:
        return found
    expected = (
        f"there is no split train among {', '.join(splits)}; task.files={{train: {splits[0]}}}"
        " names one to train on"
    )
    raise ConfigError("task.files", None, expected)


def _of_repository(folder: Path) -> dict[str, Any]:
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    tables = [name for name in files if _format(name) in TABLES]
    if len(tables) == 1:
        return {"format": _format(tables[0]), "file": tables[0]}
    splits: dict[str, list[str]] = {}
    for name in tables:
        if matched := SPLIT_FILE.fullmatch(name):
            splits.setdefault(matched[1], []).append(name)
    formats = {_format(name) for names in splits.values() for name in names}
    places = {PurePosixPath(name).parent for names in splits.values() for name in names}
    if "train" not in splits or len(formats) != 1 or len(places) != 1:
        expected = (
            f"give task.files={{train: …, test: …}} and task.format; there are"
            f" {', '.join(tables[:12]) or 'no tables'}{', …' if len(tables) > 12 else ''}"
        )
        raise ConfigError("task.files", None, expected)
    return {"format": formats.pop(), "files": {s: _pattern(n) for s, n in splits.items()}}


def _pattern(names: list[str]) -> str:
    """One file, or all the pieces of a split."""
    return names[0] if len(names) == 1 else re.sub(r"-\d+-of-\d+", "-*", names[0])


def _format(name: str) -> str:
    return PurePosixPath(name).suffix.removeprefix(".")
