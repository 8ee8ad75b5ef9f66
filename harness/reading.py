"""Files of the results as they are read: checked, since they may be torn, or somebody else's."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from unicodedata import category

from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, from_json

from harness.checked import first_problem
from harness.errors import ConfigError
from harness.record import Part, Record

LARGEST = 2**28
"""Bytes of a file that is read: outcomes of millions of examples have less."""
TOLD = 80
"""Letters that an error tells of a wrong value, or of its place."""

Json = dict[str, Any]
T = TypeVar("T")

_RECORD = SchemaValidator(TypeAdapter(Record).core_schema)
_PART = SchemaValidator(TypeAdapter(Part).core_schema)


def parse_record(raw: bytes, trial: str) -> Json:
    """The record in a file of a trial's folder, as it stands there.

    Raises ConfigError, which names the field that is wrong, the value found and what is right.
    """
    content = parse_object(raw)
    check_record(content)
    if content["trial"] != trial:
        expected = f"must be the name of its folder, {printable(trial)}"
        raise ConfigError("trial", content["trial"], expected)
    return content


def check_record(content: Json) -> None:
    """Raises ConfigError on what would be refused as a record when it is read."""
    _check(_RECORD, content)


def parse_part(raw: bytes) -> Json:
    """What a phase left, as it stands in its file. Raises ConfigError."""
    content = parse_object(raw)
    _check(_PART, content)
    return content


def parse_object(raw: bytes) -> Json:
    """Raises ConfigError on what is no JSON object."""
    try:
        # It shares equal strings: records come by the thousand.
        content = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise ConfigError("content", f"{len(raw)} bytes", f"is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError("content", type(content).__name__, "must be one JSON object")
    return content


def read_json(path: Path) -> Json | None:
    """The JSON object in `path`, or None where there is none; raises what `read_file` does."""
    return read_file(path, parse_object)


def read_file(path: Path, parsed: Callable[[bytes], T]) -> T | None:
    """What `parsed` makes of a file, or None where there is none.

    Raises ConfigError, which names the file, on what `parsed` or `read_bytes` refuses; OSError
    where it cannot be read.
    """
    try:
        return parsed(read_bytes(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ConfigError as error:
        field = f"{printable(str(path))}: {error.field}"
        raise ConfigError(field, error.value, error.expected) from None


def read_bytes(path: Path) -> bytes:
    """The content of a file that somebody else may have put there.

    Raises ConfigError on a link, on what is no file, and on more than LARGEST bytes; OSError where
    it cannot be read.
    """
    try:
        file = open(path, "rb", buffering=0, opener=_as_it_is)  # noqa: SIM115
    except IsADirectoryError:
        raise ConfigError("file", "folder", "must be a file") from None
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        # It could lead anywhere, and be another file by the time that it is read.
        raise ConfigError("file", "link", "must be a file itself") from None
    with file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError("file", "device", "must be a file")
        if found.st_size > LARGEST:
            raise ConfigError("bytes", found.st_size, f"must be {LARGEST} at most")
        return file.readall()


def printable(text: str) -> str:
    """A text from outside on one line, with nothing in it that a terminal obeys."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or category(c) == "Zs" else repr(c)[1:-1] for c in text)


def plain(value: object) -> str:
    """A value from a file, likewise, and short."""
    text = printable(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= TOLD else f"{text[:TOLD]}…"


def _as_it_is(path: str, flags: int) -> int:
    """Neither through a link nor waiting for who would write into a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _check(validator: SchemaValidator, content: Json) -> None:
    if validator.isinstance_python(content):
        return
    try:
        validator.validate_python(content)
    except ValidationError as error:
        problem = first_problem(error)
        missing = error.errors(include_url=False)[0]["type"] == "missing"
        value = "absent" if missing else plain(problem.value)
        raise ConfigError(plain(problem.field), value, problem.expected) from None
