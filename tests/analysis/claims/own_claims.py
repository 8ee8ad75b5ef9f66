"""Functions of a user's own, as a claims file names them."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.claims import SUPPORTED, UNDECIDED, Verdict
from harness.analysis.study import Study

NOT_A_FUNCTION = 3


def many_records(study: Study, *, at_least: int = 2) -> Verdict:
    """There are as many records as one wants.

    This paragraph is not shown.
    """
    n = len(study.rows)
    return Verdict(SUPPORTED if n >= at_least else UNDECIDED, f"There are {n}.", n, "record")


def many_studies(studies: Sequence[Study]) -> Verdict:
    return Verdict(SUPPORTED, f"{len(studies)} studies.", len(studies), "study")


def broken(study: Study) -> Verdict:
    raise ZeroDivisionError("of its own making")


def wordless(study: Study) -> bool:
    return True
