"""The ledger: every claim with the verdict of the user's own records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.analysis.claims.claim import Claim
from harness.analysis.claims.files import shipped
from harness.analysis.claims.functions import STUDIES, STUDY
from harness.analysis.claims.verdict import CONTRADICTED, SUPPORTED, UNDECIDED, Verdict
from harness.analysis.numbers import plural
from harness.analysis.study import Study


@dataclass(frozen=True)
class Judged:
    claim: Claim
    verdict: Verdict


@dataclass(frozen=True)
class Ledger:
    """In the order of the claims."""

    rows: tuple[Judged, ...]

    def __iter__(self) -> Iterator[Judged]:
        return iter(self.rows)

    def __getitem__(self, claim: str) -> Verdict:
        """The verdict on the claim of an id."""
        return next(row.verdict for row in self.rows if row.claim.id == claim)

    def count(self, verdict: str) -> int:
        return Counter(row.verdict.verdict for row in self.rows)[verdict]

    @property
    def conclusion(self) -> str:
        """Of 60 claims, your records support 9, contradict 6 and cannot decide 45."""
        if not self.rows:
            return "There is no claim to judge."
        supported, contradicted, open_ones = map(self.count, (SUPPORTED, CONTRADICTED, UNDECIDED))
        return (
            f"Of {plural(len(self.rows), 'claim')}, your records support {supported}, contradict "
            f"{contradicted} and cannot decide {open_ones}."
        )


def ledger(study: Study, claims: Iterable[Claim] | None = None) -> Ledger:
    """The claims that are judged on one model and one task; those that ship, unless given."""
    return Ledger(
        tuple(Judged(claim, claim.judge(study)) for claim in _of(claims) if claim.scope == STUDY)
    )


def across(studies: Sequence[Study], claims: Iterable[Claim] | None = None) -> Ledger:
    """The claims that are judged on all studies together."""
    return Ledger(
        tuple(
            Judged(claim, claim.judge(studies)) for claim in _of(claims) if claim.scope == STUDIES
        )
    )


def _of(claims: Iterable[Claim] | None) -> Iterable[Claim]:
    return shipped() if claims is None else claims
