"""Peaks of memory that were predicted before they were measured: how far off was the prediction?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from harness.analysis.figures import Row
from harness.analysis.fit_table import PARTS

PHASES = ("train", "inference")


@dataclass(frozen=True)
class Predicted:
    """One peak of one trial, all in bytes; `parts` are what the measured peak is made of, as far as
    that was told apart. `reserved` is what the device's allocator held to serve it.
    """

    trial: str
    phase: str
    predicted: float
    measured: float
    parts: Mapping[str, float]
    reserved: float | None

    @property
    def error(self) -> float:
        """Predicted over measured, less one: above zero, too much was predicted."""
        return self.predicted / self.measured - 1


@dataclass(frozen=True)
class Accuracy:
    """How far predictions were off, signs put aside. `low` are those below what was measured."""

    n: int
    median: float
    worst: Predicted
    low: int


def predictions(rows: Iterable[Row]) -> list[Predicted]:
    """Every peak that was both predicted and measured, in the order of rows and PHASES."""
    found = []
    for row in rows:
        for phase in PHASES:
            group = f"memory.{phase}"
            predicted, measured = row.get(f"{group}.predicted"), row.get(f"{group}.allocated_peak")
            if predicted is None or not measured:
                continue
            parts = {
                part: float(row[f"{group}.{part}"]) for part in PARTS if f"{group}.{part}" in row
            }
            reserved = row.get(f"{group}.reserved_peak")
            found.append(
                Predicted(
                    str(row["trial"]),
                    phase,
                    float(predicted),
                    float(measured),
                    parts,
                    None if reserved is None else float(reserved),
                )
            )
    return found


def unpredicted(row: Row) -> str:
    """Why a trial with a measured training peak has no prediction of it; empty where it has one."""
    measured = any(f"memory.train.{peak}_peak" in row for peak in ("allocated", "reserved"))
    if "memory.train.predicted" in row or not measured:
        return ""
    return str(row.get("memory.unpredicted", "not recorded"))


def accuracy(found: Sequence[Predicted]) -> Accuracy | None:
    """None without a prediction."""
    if not found:
        return None
    errors = [abs(one.error) for one in found]
    worst = max(found, key=lambda one: abs(one.error))
    return Accuracy(len(found), median(errors), worst, sum(one.error < 0 for one in found))
