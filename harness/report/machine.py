"""What else the machine did while trials were measured, and what energy they took."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis import numbers
from harness.analysis.figures import Row
from harness.analysis.numbers import listed, plural, significant
from harness.report.subject import Subject

PHASES = "environment.phases."


def machine(subject: Subject, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Name and value, for what was recorded of it."""
    told = [("Other programs", _busy(rows)), ("Energy", _energy(subject, rows))]
    return [(name, value) for name, value in told if value]


def _busy(rows: Sequence[Row]) -> str:
    looked = [row for row in rows if "environment.busy" in row]
    if not looked:
        return ""
    busy = [row for row in looked if row["environment.busy"]]
    if not busy:
        return f"none were busy while {plural(len(looked), 'trial')} ran"
    who = listed((_trial(row) for row in busy), most=8)
    used = [cores for row in busy for cores in _cores(row)]
    most, phase = max(used, default=(None, ""))
    cores = f", up to {significant(most, 2)} cores (phase {phase})" if most is not None else ""
    return f"used the machine in {len(busy)} of {plural(len(looked), 'trial')}{cores}: {who}"


def _cores(row: Row) -> list[tuple[float, str]]:
    """What others used of the machine in the phases that were disturbed, the host's share too."""
    phases = (key.split(".")[2] for key in row if key.startswith(PHASES) and key.endswith(".busy"))
    return [
        (
            float(row.get(f"{PHASES}{phase}.other_cores", 0.0))
            + float(row.get(f"{PHASES}{phase}.stolen_cores", 0.0)),
            phase,
        )
        for phase in phases
        if row[f"{PHASES}{phase}.busy"]
    ]


def _energy(subject: Subject, rows: Sequence[Row]) -> str:
    sources = sorted({str(row["energy.source"]) for row in rows if "energy.source" in row})
    if not sources:
        return ""  # the reason stands among what was not measured
    covered = sorted({str(row["energy.covers"]) for row in rows if "energy.covers" in row})
    parts = [f"counted by {listed(sources)}{f' ({listed(covered)})' if covered else ''}"]
    for words, figure in (
        ("per training example", "training_joules"),
        ("per request of the base", "base_joules"),
        ("per request unmerged", "unmerged_joules"),
        ("per request merged", "merged_joules"),
    ):
        known = [v for e in subject.entries if (v := e[figure].value) is not None]
        if known:
            low, high = significant(min(known)), significant(max(known))
            parts.append(f"{low if low == high else numbers.between(low, high)} J {words}")
    return "; ".join(parts)


def _trial(row: Row) -> str:
    size = f" {row['size']:g}" if "size" in row else ""
    seed = f" (seed {row['seed']:g})" if "seed" in row else ""
    return f"{row['method']}{size}{seed}"
