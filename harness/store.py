"""Records on disk: one folder per trial, written atomically, read as one table."""

from __future__ import annotations

import errno
import gc
import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from harness.config import SCHEMA
from harness.errors import ConfigError, Unreadable
from harness.reading import Json, parse_object, parse_part, parse_record, printable, read_file
from harness.reading import read_json as read_json
from harness.record import STATUSES as STATUSES

if TYPE_CHECKING:
    import pandas

RECORD = "record.json"
UNSUPPORTED = (errno.EINVAL, errno.ENOTSUP)
"""What file systems answer that cannot flush a folder."""


def write_json(path: Path, content: Json, lasting: bool = True) -> None:
    """Write `content` so that a reader sees all of it or none, whatever process dies when.

    Once it returns, a power cut takes nothing away either, if it is `lasting`. Raises ValueError on
    NaN and infinities, which JSON does not have: unknown is null; and OSError where the disk is
    full or may not be written.
    """
    text = json.dumps(content, indent=1, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Named before it is there: an interrupt as it comes into being leaves nothing behind.
    temporary = path.with_name(f".{path.name}-{uuid4().hex[:8]}")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text + "\n")
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if lasting:
            settle(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def record(folder: Path) -> Json | None:
    """The record of the trial whose folder it is, None where it has none; for who runs trials.

    A corrupt one is set aside, so that the trial has none and runs again.
    """
    return intact(folder / RECORD, partial(parse_record, trial=folder.name))


def part(path: Path) -> Json | None:
    """What a phase left in `path`; None where it left nothing, or what is set aside as corrupt."""
    return intact(path, parse_part)


def intact(path: Path, parsed: Callable[[bytes], Json] = parse_object) -> Json | None:
    """The JSON object in `path`; None where there is none, or where it is set aside as corrupt."""
    try:
        return read_file(path, parsed)
    except ConfigError as error:
        set_aside(path, str(error))
        return None


def set_aside(path: Path, reason: str) -> Path | None:
    """Rename a file to the first free `NAME.corrupt-1`, `-2`, …, and warn that it was.

    Nothing is ever overwritten: the new name is taken before the file is moved onto it. Returns
    the new path; None where somebody else was faster.
    """
    folder = path.is_dir() and not path.is_symlink()
    number = 1
    while True:
        aside = path.with_name(f"{path.name}.corrupt-{number}")
        try:
            aside.mkdir() if folder else aside.touch(exist_ok=False)
            break
        except FileExistsError:
            number += 1
    try:
        os.replace(path, aside)
    except FileNotFoundError:
        aside.rmdir() if folder else aside.unlink()
        return None
    settle(path.parent)
    warnings.warn(f"{reason}; set aside as {printable(aside.name)}", Unreadable, stacklevel=2)
    return aside


def done(results: Path, trial: str) -> Json | None:
    """The trial's record if it ended well under the current schema, else None.

    A corrupt one is set aside.
    """
    found = record(results / trial)
    return found if found and found["schema"] == SCHEMA and found["status"] == "ok" else None


def records(results: Path, corrupt: list[str] | None = None) -> Iterator[Json]:
    """All sound records below `results`, in the order of their trial ids, for who only reads.

    What is corrupt stays where it is: a line on each is warned of, and added to `corrupt`. Raises
    ConfigError if there is no such folder.
    """
    if not results.is_dir():
        raise ConfigError("results", results, "is no folder; run a sweep first")
    with os.scandir(results) as folders:
        names = sorted(folder.name for folder in folders if folder.is_dir())
    for name in names:
        path = results / name / RECORD
        try:
            found = read_file(path, partial(parse_record, trial=name))
        except (ConfigError, OSError) as error:
            told = str(error) if isinstance(error, ConfigError) else _unread(path, error)
            warnings.warn(f"{told}; left out", Unreadable, stacklevel=2)
            if corrupt is not None:
                corrupt.append(told)
            continue
        if found is not None:
            yield found


def load(results: str | Path) -> pandas.DataFrame:
    """One row per trial; nested fields become columns with dots (`quality.value`).

    `config` stays out: it is in each record, under the `path` given in its row. Corrupt records
    are left out with a warning.
    """
    return table(Path(results), records(Path(results)))


def table(results: Path, found: Iterable[Json]) -> pandas.DataFrame:
    """The rows of records that lie in `results`, as `load` gives them."""
    import pandas

    with uncollected():
        return pandas.DataFrame([_row(record, f"{results}{os.sep}") for record in found])


def _row(record: Json, folder: str) -> Json:
    row = flat({k: v for k, v in record.items() if k != "config"})
    row["path"] = f"{folder}{record['trial']}{os.sep}{RECORD}"
    return row


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the garbage collector, which would walk over millions of values, all of them in use,
    again and again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def flat(nested: Json) -> Json:
    """Nested keys joined by dots; lists stay whole. A key that has a dot itself stands in quotes,
    so that no two places have one name.
    """
    return _flat(nested, {}, _TOP)


class _Names(dict[str, str]):
    """What keys below a place are called; thousands of records share one copy of each name."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place
        self._below: dict[str, _Names] = {}

    def __missing__(self, key: str) -> str:
        self[key] = name = f'{self._place}"{key}"' if "." in key else self._place + key
        return name

    def below(self, key: str) -> _Names:
        if key not in self._below:
            self._below[key] = _Names(f"{self[key]}.")
        return self._below[key]


_TOP = _Names("")


def _flat(nested: Json, into: Json, names: _Names) -> Json:
    for key, value in nested.items():
        if isinstance(value, dict):
            _flat(value, into, names.below(key))
        else:
            into[names[key]] = value
    return into


def _unread(path: Path, error: OSError) -> str:
    return f"{printable(str(path))}: cannot be read: {error.strerror}"


def settle(path: Path) -> None:
    """Make a file's content, or the names in a folder, outlast a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    finally:
        os.close(handle)
