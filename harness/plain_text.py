"""Plain text in passages of equal length, the same for every model and method."""

from __future__ import annotations

import hashlib

from harness.assets import fetch
from harness.errors import ConfigError
from harness.measure_config import TEXT_SOURCE, ForgettingConfig, TextConfig

FEWEST = 8
"""Passages: fewer cannot be halved for a fit, its validation and a test."""


def passages(config: ForgettingConfig) -> list[str]:
    """At most `config.passages` passages of `config.tokens` words each.

    Words stand between white space, so that a passage has as many tokens at least. The first
    passages of all documents come before the second ones, and documents in the order of their
    hashes: few passages are of as many documents as there are. No passage comes twice.

    Fetches the text if it is not there yet. Raises ConfigError for a text that cannot be read or
    is too short.
    """
    text, length = config.text, config.tokens
    cut = [_cut(document, length) for document in _documents(text)]
    deepest = max(map(len, cut), default=0)
    ordered = [parts[place] for place in range(deepest) for parts in cut if place < len(parts)]
    found = list(dict.fromkeys(ordered))
    if len(found) < FEWEST:
        expected = f"has {len(found)} passages of {length} words; needs {FEWEST}"
        raise ConfigError("measure.forgetting.text.files", text.files, expected)
    return found[: config.passages]


def _cut(document: str, length: int) -> list[str]:
    words = document.split()
    starts = range(0, len(words) - length + 1, length)
    return [" ".join(words[start : start + length]) for start in starts]


def _documents(text: TextConfig) -> list[str]:
    root = fetch(text.source, TEXT_SOURCE)
    files = [root] if root.is_file() else [file for file in root.glob(text.files) if file.is_file()]
    documents = sorted(
        (_hash(content), content) for content in (file.read_bytes() for file in files)
    )
    return [_decoded(content, text) for _, content in documents]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _decoded(content: bytes, text: TextConfig) -> str:
    field = "measure.forgetting.text.encoding"
    try:
        return content.decode(text.encoding)
    except UnicodeDecodeError as error:
        expected = f"a file has the byte 0x{content[error.start]:02x}, which is not in it"
        raise ConfigError(field, text.encoding, expected) from error
    except LookupError as error:
        raise ConfigError(field, text.encoding, "is no known encoding of text") from error
