"""A folder of published results, and the records that come of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from harness import store
from harness.errors import ConfigError, in_one_line
from harness.ingest.published import read
from harness.ingest.record import PROJECT, record_of
from harness.reading import check_record


@dataclass(frozen=True)
class Refused:
    """A file that is no result, the field that is wrong in it, and why."""

    file: str
    field: str
    reason: str


@dataclass(frozen=True)
class Superseded:
    """A run that was repeated later under the same seed: no second seed, so only one counts."""

    run: str
    created_at: str
    by: str
    """When the one that counts was made."""


@dataclass(frozen=True)
class Ingested:
    records: tuple[dict[str, Any], ...]
    superseded: tuple[Superseded, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True)
class _Candidate:
    record: dict[str, Any]
    stored: Path | None

    @property
    def order(self) -> tuple[bool, bool, datetime, bool]:
        """Those that finished before those that did not, released code before branches, then by
        date; a file says more of itself than what was once stored of it.
        """
        origin = self.record["origin"]
        created = datetime.fromisoformat(origin["created_at"])
        finished = self.record["status"] == "ok"
        return finished, origin.get("branch") == "main", created.astimezone(), self.stored is None


def ingest(folder: Path, results: Path) -> Ingested:
    """Write a record for the latest run of each experiment among the JSON files below `folder`.

    A record of an earlier run that `results` holds from another time gives way. Raises ConfigError
    where there is no such folder, or no JSON file below it, or where `results` is a file.
    """
    if not folder.is_dir():
        raise ConfigError("folder", folder, "is no folder")
    if results.exists() and not results.is_dir():
        raise ConfigError("results", results, "is no folder")
    paths = sorted(path for path in folder.rglob("*.json") if path.is_file())
    if not paths:
        raise ConfigError("folder", folder, "holds no JSON file")
    refused: list[Refused] = []
    found: dict[str, _Candidate] = {}
    for path in paths:
        file = path.relative_to(folder).as_posix()
        try:
            record = record_of(read(path, file))
            check_record(record)
        except ConfigError as error:
            refused.append(Refused(*map(in_one_line, (file, error.field, _reason(error)))))
            continue
        found.setdefault(record["trial"], _Candidate(record, None))
    runs: dict[tuple[str, ...], list[_Candidate]] = defaultdict(list)
    for candidate in [*found.values(), *_stored(results, found)]:
        origin, record = candidate.record["origin"], candidate.record
        runs[origin["benchmark"], origin["run"], record["model"]].append(candidate)
    kept, superseded = [], []
    for candidates in runs.values():
        latest, *others = sorted(candidates, key=lambda each: each.order, reverse=True)
        for other in others:
            superseded.append(_superseded(other, latest))
            if other.stored:
                other.stored.unlink()
                with suppress(OSError):  # where something else lies there, too
                    other.stored.parent.rmdir()
        if latest.stored is None:
            kept.append(latest.record)
            _write(results, latest.record)
    return Ingested(tuple(kept), tuple(superseded), tuple(refused))


def _reason(error: ConfigError) -> str:
    simple = isinstance(error.value, (str, int, float))
    return f"{str(error.value)[:80]!r}: {error.expected}" if simple else error.expected


def _stored(results: Path, found: Iterable[str]) -> list[_Candidate]:
    """What `results` holds of the same project, other than what is written now."""
    stored = []
    for record in store.records(results) if results.is_dir() else ():
        origin, trial = record.get("origin"), record["trial"]
        if origin and origin["project"] == PROJECT and trial not in found:
            stored.append(_Candidate(record, results / trial / store.RECORD))
    return stored


def _superseded(old: _Candidate, new: _Candidate) -> Superseded:
    one, other = old.record["origin"], new.record["origin"]
    return Superseded(one["run"], one["created_at"], other["created_at"])


def _write(results: Path, record: dict[str, Any]) -> None:
    folder = results / record["trial"]
    if store.record(folder) != record:
        store.write_json(folder / store.RECORD, record)
