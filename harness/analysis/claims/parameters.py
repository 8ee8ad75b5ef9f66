"""Claims about how much of a model a method trains."""

from __future__ import annotations

from harness.analysis.claims.selection import Selection, to_run
from harness.analysis.claims.verdict import (
    CONTRADICTED,
    SUPPORTED,
    Finding,
    Verdict,
    together,
    undecided,
)
from harness.analysis.entry import Entry
from harness.analysis.figures import Row
from harness.analysis.numbers import significant
from harness.analysis.study import Study
from harness.errors import ConfigError

Percent = tuple[float, float]
COLUMNS = ("parameters.trainable", "parameters.head", "parameters.total")


def share(study: Study, *, which: Selection, percent: Percent) -> Verdict:
    """The trained parameters of a configuration, the task's head left out, are a share of the
    model's that lies in the range, ends included. Counted, so that one record suffices.

    The head is left out as published shares do: of a small model it can be most of what is trained.
    """
    least, most = percent
    if least > most:
        raise ConfigError("percent", list(percent), "must be the lower end, then the upper")
    chosen = which.of(study)
    if not chosen:
        return undecided(f"There is no record of {which}.", to_run(study, which))
    rows = {str(row["trial"]): row for row in study.rows}
    findings = []
    for entry in chosen:
        found = trained_percent(entry, rows)
        if found is not None:
            holds = SUPPORTED if least <= found <= most else CONTRADICTED
            findings.append(Finding(holds, f"{entry.label} ({significant(found)}%)", (entry,)))
    if not findings:
        return undecided(f"Parameters were not recorded for {which}.", to_run(study, which))
    return together(findings)


def trained_percent(entry: Entry, rows: dict[str, Row]) -> float | None:
    """100 · (trained − head) / (all − head); None where nothing is known beside the head."""
    row = rows[entry.trials[0]]
    if any(column not in row for column in COLUMNS):
        return None
    trained, head, total = (float(row[column]) for column in COLUMNS)
    return 100 * (trained - head) / (total - head) if total > head else None
