"""What a sweep was asked for, kept beside the records, so that what is left of it can be told."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from harness import store
from harness.checked import Checked, Name, from_plain
from harness.config import SCHEMA
from harness.errors import ConfigError
from harness.phases import phases
from harness.progress import name_of
from harness.reading import parse_object, read_file

if TYPE_CHECKING:
    from harness.trials import Trial

FOLDER = ".sweeps"

Id = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


@dataclass(frozen=True)
class Asked(Checked):
    """A trial that a sweep was asked for."""

    id: Id
    name: Name
    """As people call it."""
    model: Name
    task: Name
    method: Name
    stage: Name
    phases: tuple[str, ...]
    """All that it takes, in their order."""


@dataclass(frozen=True)
class Manifest(Checked):
    """One sweep: when it was last started, by which command, and its trials."""

    schema: int
    started: datetime
    command: tuple[str, ...]
    trials: tuple[Asked, ...]
    sweep: str = ""
    """The hash over its trials, which names its file."""

    @property
    def told(self) -> str:
        """The command as one would type it again."""
        return shlex.join(["python", *self.command])


_PART_OF_ANOTHER = ContextVar("part of another sweep", default=False)


@contextmanager
def part_of_another() -> Iterator[None]:
    """Sweeps that are run in here are jobs of one that has been written down."""
    token = _PART_OF_ANOTHER.set(True)
    try:
        yield
    finally:
        _PART_OF_ANOTHER.reset(token)


def write(results: Path, trials: Sequence[Trial], command: Sequence[str]) -> Path | None:
    """Keep what a sweep was asked for; the same trials asked for again replace their own file.

    None where this is part of another sweep. Raises OSError where nothing can be written.
    """
    if _PART_OF_ANOTHER.get():
        return None
    plain = {
        "schema": SCHEMA,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "trials": [asdict(_asked(trial)) for trial in trials],
    }
    path = results / FOLDER / f"{sweep_of([trial.id for trial in trials])}.json"
    store.write_json(path, plain)
    return path


def sweep_of(ids: Sequence[str]) -> str:
    """16 hex digits of the sha256 over the trials of a sweep, in whatever order they stand."""
    return hashlib.sha256(json.dumps(sorted(ids)).encode()).hexdigest()[:16]


def own_command() -> list[str]:
    """What started this process, less the interpreter and its path to the program."""
    return sys.orig_argv[1:]


def manifests(results: Path) -> Iterator[Manifest | ConfigError]:
    """Every sweep that was started here, the latest last; in place of one that cannot be read,
    what is wrong with it.
    """
    found = [_read(path) for path in (results / FOLDER).glob("*.json")]
    yield from (each for each in found if isinstance(each, ConfigError))
    whole = [each for each in found if isinstance(each, Manifest)]
    yield from sorted(whole, key=lambda each: (each.started, each.sweep))


def _read(path: Path) -> Manifest | ConfigError | None:
    try:
        return read_file(path, partial(_parse, sweep=path.stem))
    except OSError as error:
        return ConfigError(str(path), "unreadable", str(error.strerror))
    except ConfigError as error:
        return error


def _parse(raw: bytes, sweep: str) -> Manifest:
    plain = parse_object(raw)
    if plain.get("schema") != SCHEMA:
        raise ConfigError("schema", plain.get("schema"), f"is not that of now, {SCHEMA}")
    return from_plain(Manifest, plain | {"sweep": sweep})


def _asked(trial: Trial) -> Asked:
    config = trial.config
    return Asked(
        id=trial.id,
        name=name_of(config),
        model=config.model.name,
        task=config.task.name,
        method=config.method.name,
        stage=config.stage,
        phases=tuple(phase.name for alone in (False, True) for phase in phases(config, alone)),
    )
