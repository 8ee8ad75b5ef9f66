"""Claims out of YAML files: those that ship, and the user's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from harness.analysis.claims.claim import Claim
from harness.checked import from_plain
from harness.errors import ConfigError, nearest

SHIPPED = Path(__file__).with_name("shipped")
THEMES = ("latency", "parameters", "memory", "speed", "quality", "capacity", "sizes", "scale")
"""The shipped files in the order of the ledger; the user's own come first."""
FIELDS = tuple(field.name for field in fields(Claim))


@cache
def shipped() -> tuple[Claim, ...]:
    """Every claim that ships, by theme."""
    claims = []
    for theme in THEMES:
        claims += read(SHIPPED / f"{theme}.yaml", theme)
    return _distinct(claims)


def with_own(paths: Iterable[str | Path]) -> tuple[Claim, ...]:
    """The user's own claims before those that ship; one with the id of a shipped claim takes its
    place. Raises ConfigError for whatever is wrong in a file.
    """
    own = _distinct([claim for path in paths for claim in read(Path(path))])
    ids = {claim.id for claim in own}
    return (*own, *(claim for claim in shipped() if claim.id not in ids))


def read(path: Path, theme: str | None = None) -> list[Claim]:
    """The claims of a file: a list of mappings with the fields of Claim."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError("claims", path, f"cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        words = " ".join(str(error).split())
        raise ConfigError("claims", path, f"must be a YAML file: {words}") from error
    if not isinstance(content, list):
        raise ConfigError("claims", path, "must hold a list of claims, each with an id")
    return [_claim(plain, place, theme) for place, plain in enumerate(content)]


def _claim(plain: Any, place: int, theme: str | None) -> Claim:
    if not isinstance(plain, dict):
        raise ConfigError(f"claims[{place}]", plain, f"must be a mapping of {', '.join(FIELDS)}")
    name = f"claims.{plain.get('id', place)}"
    for key in plain:
        if key not in FIELDS:
            expected = f"is not a known field; {nearest(str(key), FIELDS)}"
            raise ConfigError(f"{name}.{key}", plain[key], expected)
    try:
        return from_plain(Claim, plain if theme is None else {"theme": theme, **plain})
    except ConfigError as error:
        raise ConfigError(f"{name}.{error.field}", error.value, error.expected) from error


def _distinct(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    found: dict[str, Claim] = {}
    for claim in claims:
        if claim.id in found:
            expected = "is there twice; every claim needs an id of its own"
            raise ConfigError("claims.id", claim.id, expected)
        found[claim.id] = claim
    return tuple(found.values())
