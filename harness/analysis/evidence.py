"""What lies beside a row of the table: the trial's config and its outcomes, example by example."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic_core import from_json

from harness.store import RECORD, flat, records, table

OUTCOMES = "outcomes.json"


@dataclass(frozen=True)
class Outcomes:
    """Which test examples a trial got right: ids and, in their order, true or false."""

    ids: tuple[str, ...]
    correct: NDArray[np.bool_]

    def on(self, ids: tuple[str, ...]) -> NDArray[np.float64] | None:
        """The outcomes in the order of `ids`, or None where the examples are not the same."""
        order = places(self.ids, ids)
        return None if order is None else self.correct[order].astype(float)


@dataclass
class Evidence:
    """The folder of one trial; its files are read when first asked for."""

    record: Path | None
    given_config: dict[str, Any] | None = field(default=None)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The resolved config with dotted keys; empty where there is none to read."""
        if self.given_config is not None:
            return flat(self.given_config)
        content = _json(self.record)
        config = content.get("config") if isinstance(content, dict) else None
        return flat(config) if isinstance(config, dict) else {}

    @cached_property
    def outcomes(self) -> Outcomes | None:
        content = _json(self.record.with_name(OUTCOMES)) if self.record else None
        if not isinstance(content, dict) or not {"ids", "correct"} <= content.keys():
            return None
        ids = _shared(tuple(map(str, content["ids"])))
        correct = np.asarray(content["correct"], dtype=bool)
        return Outcomes(ids, correct) if correct.shape == (len(ids),) else None


def evidence(frame: pd.DataFrame) -> dict[str, Evidence]:
    """By trial id; a row without a `path` has nothing beside it."""
    paths = frame["path"] if "path" in frame else [None] * len(frame)
    return {
        str(trial): Evidence(Path(path) if isinstance(path, str) else None)
        for trial, path in zip(frame.get("trial", []), paths, strict=True)
    }


def read(results: Path) -> tuple[pd.DataFrame, dict[str, Evidence]]:
    """The table of the records in `results` and what lies beside it; opens each record once."""
    beside: dict[str, Evidence] = {}

    def noted() -> Iterator[dict[str, Any]]:
        for record in records(results):
            config = record.get("config")
            path = results / str(record["trial"]) / RECORD
            given = config if isinstance(config, dict) else {}
            beside[str(record["trial"])] = Evidence(path, given)
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


def _json(path: Path | None) -> object:
    # Missing evidence weakens a comparison, which says so; it never stops a report.
    try:
        if path is None:
            return None
        with path.open("rb", buffering=0) as file:
            return from_json(file.readall())
    except (OSError, ValueError):
        return None
