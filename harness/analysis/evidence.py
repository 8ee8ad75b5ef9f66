"""What lies beside a row of the table: the trial's config and its outcomes, example by example."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.store import flat

OUTCOMES = "outcomes.json"


@dataclass(frozen=True)
class Outcomes:
    """Which test examples a trial got right: ids and, in their order, true or false."""

    ids: tuple[str, ...]
    correct: NDArray[np.bool_]

    def on(self, ids: tuple[str, ...]) -> NDArray[np.float64] | None:
        """The outcomes in the order of `ids`, or None where the examples are not the same."""
        if ids == self.ids:
            return self.correct.astype(float)
        places = {name: place for place, name in enumerate(self.ids)}
        if len(places) != len(ids) or any(name not in places for name in ids):
            return None
        return self.correct[[places[name] for name in ids]].astype(float)


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
        ids = tuple(str(name) for name in content["ids"])
        correct = np.asarray(content["correct"], dtype=bool)
        return Outcomes(ids, correct) if correct.shape == (len(ids),) else None


def evidence(frame: pd.DataFrame) -> dict[str, Evidence]:
    """By trial id; a row without a `path` has nothing beside it."""
    paths = frame["path"] if "path" in frame else [None] * len(frame)
    return {
        str(trial): Evidence(Path(path) if isinstance(path, str) else None)
        for trial, path in zip(frame.get("trial", []), paths, strict=True)
    }


def _json(path: Path | None) -> object:
    # Missing evidence weakens a comparison, which says so; it never stops a report.
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path else None
    except (OSError, ValueError):
        return None
