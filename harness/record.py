"""The shape of a record: what everything that reads records relies on.

Every field that some reader uses is declared, once; all others are let through, so that records of
other versions, and foreign ones, keep what they say beyond it. What a reader uses of an older
schema has the same shape, so that one check does for all.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal, Required, get_args

from pydantic import AfterValidator, ConfigDict, with_config
from typing_extensions import TypedDict

from harness.checked import Rate, Seed
from harness.groups import Count, Groups, Place, Positive

Status = Literal["ok", "failed", "diverged", "out_of_memory", "killed", "timeout", "skipped"]
STATUSES: tuple[str, ...] = get_args(Status)


def _id(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", text):
        raise ValueError("must be a plain name: letters, digits, - and _")
    return text


def _date(text: str) -> str:
    try:
        datetime.fromisoformat(text).astimezone()
    except OverflowError:
        raise ValueError("must be a date and time of our era") from None
    return text


Id = Annotated[str, AfterValidator(_id)]
"""Safe in a path, a link and a cell; ours are 16 hex digits."""
Date = Annotated[str, AfterValidator(_date)]


class Origin(TypedDict, total=False):
    """Of a foreign record."""

    project: Required[str]
    benchmark: Required[str]
    run: Required[str]
    created_at: Required[Date]
    branch: str | None
    url: str | None


class Train(TypedDict, total=False):
    steps: Count | None
    batch_size: Count | None
    learning_rate: Rate | None


class Limit(TypedDict, total=False):
    train: Count | None


class Task(TypedDict, total=False):
    kind: str | None
    limit: Limit | None


class Config(TypedDict, total=False):
    task: Task
    train: Train


@with_config(ConfigDict(strict=True))
class Record(Groups, total=False):
    schema: Required[Count]
    trial: Required[Id]
    status: Required[Status]
    reason: str | None
    phase: str | None
    model: str | None
    task: str | None
    method: Required[str]
    family: str | None
    size: Positive | None
    size_field: str | None
    seed: Seed | None
    stage: str | None
    origin: Origin | None
    config: Config | None


@with_config(ConfigDict(strict=True))
class Part(TypedDict, total=False):
    """What one phase left of a trial."""

    schema: Required[Count]
    groups: Required[Groups]
    place: Place | None
