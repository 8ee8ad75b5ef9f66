"""Files of text, compressed or not, and what can be wrong with them in one line."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from harness.errors import ConfigError

if TYPE_CHECKING:
    from harness.task_config import TaskConfig

OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


SIGNATURES = {
    b"PK\x03\x04": "is a zip archive, as .xlsx is; save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "is a spreadsheet (.xls); save it as CSV",
    b"PAR1": "is Parquet; task=parquet reads it",
    b"ARROW1": "is an Arrow file; task=dataset reads the folder that save_to_disk wrote",
    b"\x1f\x8b": "is compressed; its name must end in .gz",
    b"BZh": "is compressed; its name must end in .bz2",
    b"\xfd7zXZ": "is compressed; its name must end in .xz",
    **{b"\x80" + bytes([protocol]): "is a pickle, which is never read" for protocol in range(2, 6)},
}
"""How files begin that are no text."""
WIDE_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@contextmanager
def opened(path: Path, task: TaskConfig) -> Iterator[TextIO]:
    """The file as text, its ends of lines as they are; raises ConfigError while it is read."""
    # A byte order mark belongs to the encoding and not to the first column's name.
    encoding = "utf-8-sig" if task.encoding.lower() in ("utf-8", "utf8") else task.encoding
    try:
        opener = OPENERS.get(path.suffix, open)
        with opener(path, "rb") as file:
            _check_signature(file.read(8), path, task)
        with opener(path, "rt", encoding=encoding, newline="") as file:
            yield file
    except UnicodeDecodeError as error:
        raise _undecodable(path.name, task, error) from error
    except LookupError as error:
        raise _unknown_encoding(task) from error
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise malformed(path, task, str(error)) from error


def _check_signature(head: bytes, path: Path, task: TaskConfig) -> None:
    for signature, problem in SIGNATURES.items():
        if head.startswith(signature):
            raise ConfigError("task.format", task.format, f"{path.name} {problem}")
    encoding = WIDE_MARKS.get(head[:2])
    if encoding and "16" not in task.encoding and "32" not in task.encoding:
        expected = f"{path.name} is in another; task.encoding={encoding} reads it"
        raise ConfigError("task.encoding", task.encoding, expected)


def decoded(text: bytes, name: str, task: TaskConfig) -> str:
    """A text that was kept as bytes; raises ConfigError when it is in another encoding."""
    try:
        return text.decode(task.encoding)
    except UnicodeDecodeError as error:
        raise _undecodable(name, task, error) from error
    except LookupError as error:
        raise _unknown_encoding(task) from error


def _undecodable(name: str, task: TaskConfig, error: UnicodeDecodeError) -> ConfigError:
    byte = f"0x{error.object[error.start]:02x}"
    expected = f"{name} holds the byte {byte}, which is not in it; say which, such as latin-1"
    return ConfigError("task.encoding", task.encoding, expected)


def _unknown_encoding(task: TaskConfig) -> ConfigError:
    return ConfigError("task.encoding", task.encoding, "is no known encoding of text")


def malformed(path: Path, task: TaskConfig, problem: str) -> ConfigError:
    """The error of a file that is not in the task's format."""
    problem = " ".join(problem.split())
    return ConfigError("task.format", task.format, f"{path} cannot be read as that: {problem}")
