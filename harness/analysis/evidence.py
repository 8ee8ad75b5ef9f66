"""What lies beside a row of the table: the trial's config and its outcomes, example by example."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.errors import ConfigError, Unreadable
from harness.metrics.table import METRICS, SCORES
from harness.reading import Json, parse_object, parse_record, plain, read_file
from harness.store import RECORD, flat, records, table

OUTCOMES = "outcomes.json"

T = TypeVar("T")


@dataclass(frozen=True)
class Outcomes:
    """What a metric is made of: ids of test examples and, in their order, the columns that the
    table of metrics names, of shape (examples, columns).
    """

    metric: str
    ids: tuple[str, ...]
    examples: NDArray[np.float64] | NDArray[np.bool_]

    def on(self, ids: tuple[str, ...]) -> NDArray[np.float64] | None:
        """The columns in the order of `ids`, or None where the examples are not the same."""
        order = places(self.ids, ids)
        return None if order is None else self.examples[order].astype(float)


@dataclass
class Evidence:
    """The folder of one trial; its files are read when first asked for."""

    record: Path | None
    given_config: Json | None = field(default=None)

    @cached_property
    def config(self) -> Json:
        """The resolved config with dotted keys; empty where there is none to read."""
        if self.given_config is not None:
            return flat(self.given_config)
        if self.record is None:
            return {}
        content = _weak(self.record, partial(parse_record, trial=self.record.parent.name))
        return flat(content.get("config") or {}) if content else {}

    @cached_property
    def outcomes(self) -> Outcomes | None:
        return _weak(self.record.with_name(OUTCOMES), _outcomes) if self.record else None


def evidence(frame: pd.DataFrame) -> dict[str, Evidence]:
    """By trial id; a row without a `path` has nothing beside it."""
    paths = frame["path"] if "path" in frame else [None] * len(frame)
    return {
        str(trial): Evidence(Path(path) if isinstance(path, str) else None)
        for trial, path in zip(frame.get("trial", []), paths, strict=True)
    }


def read(
    results: Path, corrupt: list[str] | None = None
) -> tuple[pd.DataFrame, dict[str, Evidence]]:
    """The table of the records in `results` and what lies beside it; opens each record once.
    What is wrong with those that are left out is added to `corrupt`.
    """
    beside: dict[str, Evidence] = {}

    def noted() -> Iterator[Json]:
        for record in records(results, corrupt):
            path = results / record["trial"] / RECORD
            beside[record["trial"]] = Evidence(path, record.get("config") or {})
            yield record

    return table(results, noted()), beside


def places(held: tuple[str, ...], ids: tuple[str, ...]) -> slice | NDArray[np.intp] | None:
    """Where each of `ids` stands in what is held, or None where the examples are not the same."""
    if ids is held or ids == held:
        return slice(None)
    known = {name: place for place, name in enumerate(held)}
    if len(known) != len(ids) or any(name not in known for name in ids):
        return None
    return np.array([known[name] for name in ids], dtype=np.intp)


@lru_cache(maxsize=64)
def _shared(ids: tuple[str, ...]) -> tuple[str, ...]:
    """One copy for all trials that were scored on the same examples."""
    return ids


def _outcomes(raw: bytes) -> Outcomes:
    content = parse_object(raw)
    ids = content.get("ids")
    if not isinstance(ids, list):
        raise ConfigError("ids", type(ids).__name__, "must be a list of test examples")
    # Before there were other metrics the file said no more than which examples were right.
    metric = "accuracy" if "correct" in content else content.get("metric")
    if not isinstance(metric, str) or metric not in METRICS:
        raise ConfigError("metric", plain(metric), f"must be one of {', '.join(METRICS)}")
    named = ("correct",) if "correct" in content else METRICS[metric].columns
    columns = [_column(content, name, len(ids)) for name in named]
    examples = np.stack(columns, axis=1)
    if METRICS[metric].is_mean and np.isin(examples, (0, 1)).all():
        examples = examples.astype(bool)  # thousands of trials have a thousand each
    return Outcomes(metric, _shared(tuple(map(str, ids))), examples)


def _column(content: Json, name: str, n: int) -> NDArray[np.float64]:
    low, high = (0.0, 1.0) if name in ("correct", *SCORES) else (-np.inf, np.inf)
    try:
        found = np.asarray(content.get(name))
    except ValueError:  # lists of several lengths
        found = np.empty(())
    numbers = found.dtype.kind in "bif" and found.shape == (n,) and np.isfinite(found).all()
    if not numbers or not ((low <= found) & (found <= high)).all():
        between = " from 0 to 1" if high == 1 else ""
        raise ConfigError(name, plain(content.get(name)), f"must be {n} numbers{between}")
    return found.astype(float)


def _weak(path: Path, parsed: Callable[[bytes], T]) -> T | None:
    """Missing evidence weakens a comparison, which says so; it never stops a report."""
    try:
        return read_file(path, parsed)
    except (ConfigError, OSError) as error:
        warnings.warn(f"{error}; left out", Unreadable, stacklevel=3)
        return None
