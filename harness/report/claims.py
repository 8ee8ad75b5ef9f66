"""The claims ledger as the page shows it: a row per claim, what is decided first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.claims import CONTRADICTED, SUPPORTED, UNDECIDED, Judged, Ledger
from harness.analysis.numbers import DASH
from harness.analysis.study import Study
from harness.report.table import Link, record_href

SHOWN = 6
"""Most records that a row links to; the verdict itself rests on all of them."""
MARKS = {SUPPORTED: "✓", CONTRADICTED: "✗", UNDECIDED: "?"}


@dataclass(frozen=True)
class Row:
    """`tested` names the function and its arguments; `further` records are not linked."""

    id: str
    statement: str
    source: str
    link: str
    tested: str
    verdict: str
    mark: str
    evidence: str
    run: str
    needs: str
    n: str
    records: tuple[Link, ...]
    further: int


@dataclass(frozen=True)
class Claims:
    """`rules` say of each test that was used when it decides."""

    sentence: str
    decided: tuple[Row, ...]
    undecided: tuple[Row, ...]
    rules: tuple[tuple[str, str], ...]


def claims(ledger: Ledger, studies: Sequence[Study], out: Path) -> Claims:
    """What `ledger` says, with links to the records of `studies` from a page at `out`."""
    paths = {str(row["trial"]): row.get("path") for study in studies for row in study.rows}
    rows = [_row(judged, paths, out) for judged in ledger]
    return Claims(
        ledger.conclusion,
        tuple(row for row in rows if row.verdict != UNDECIDED),
        tuple(row for row in rows if row.verdict == UNDECIDED),
        tuple(sorted({judged.claim.test: judged.claim.rule for judged in ledger}.items())),
    )


def _row(judged: Judged, paths: dict[str, str | None], out: Path) -> Row:
    claim, verdict = judged.claim, judged.verdict
    given = (f"{name}: {_plain(value)}" for name, value in claim.asked.items())
    shown = verdict.trials[:SHOWN]
    return Row(
        claim.id,
        claim.statement,
        claim.source,
        claim.link,
        f"{claim.test} ({'; '.join(given)})" if claim.asked else claim.test,
        verdict.verdict,
        MARKS[verdict.verdict],
        verdict.evidence,
        verdict.run,
        claim.needs,
        verdict.rests_on if verdict.n else DASH,
        tuple(
            Link(str(place), record_href(paths.get(trial), out), trial)
            for place, trial in enumerate(shown, 1)
        ),
        len(verdict.trials) - len(shown),
    )


def _plain(value: object) -> str:
    """An argument as a reader would write it: lists by commas, no quotes and braces."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value))
    return str(value)
