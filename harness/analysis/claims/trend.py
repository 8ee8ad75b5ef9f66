"""Claims that one figure goes with another over all configurations."""

from __future__ import annotations

from math import atanh, sqrt, tanh
from typing import Annotated

from pydantic import Field
from scipy.stats import kendalltau

from harness.analysis.claims.measured import Figure, name
from harness.analysis.claims.selection import Selection, missing, to_run
from harness.analysis.claims.verdict import (
    CONTRADICTED,
    SUPPORTED,
    UNDECIDED,
    Finding,
    Verdict,
    trials,
)
from harness.analysis.study import Study

FEWEST = 10
"""Below it the interval's approximation is not to be relied on."""
Z = 1.96
Tau = Annotated[float, Field(gt=0, lt=1)]


def rises_with(
    study: Study, *, which: Selection, figure: Figure, with_figure: Figure, tau: Tau = 0.5
) -> Verdict:
    """Kendall's rank correlation of the two figures is at least tau (0.5: of four pairs of
    configurations, three are in the claimed order) and its interval lies above zero. It does not
    hold where the interval ends below tau; else it cannot be told, as with fewer than ten
    configurations.

    The interval is that of Fieller, Hartley and Pearson 1957 (Biometrika 44:470-481): atanh of the
    correlation with variance 0.437 / (n - 4).
    """
    for wanted in (figure, with_figure):
        if not any(entry[wanted].known for entry in which.of(study)):
            return missing(study, wanted, name(wanted), which)
    entries = [e for e in which.of(study) if e[figure].known and e[with_figure].known]
    n = len(entries)
    if n < FEWEST:
        told = f"{n} configurations have both figures; {FEWEST} are needed."
        return Verdict(UNDECIDED, told, n, trials=_trials(entries), run=to_run(study, which))
    values = [[entry[f].value for entry in entries] for f in (figure, with_figure)]
    if any(len(set(column)) == 1 for column in values):
        told = "One of the figures is the same for all configurations."
        return Verdict(UNDECIDED, told, n, trials=_trials(entries))
    found = float(kendalltau(*values).statistic)
    half = Z * sqrt(0.437 / (n - 4))
    centre = atanh(min(max(found, -0.999), 0.999))
    low, high = tanh(centre - half), tanh(centre + half)
    told = (
        f"The rank correlation of {name(figure)} with {name(with_figure)} is {found:.2f} "
        f"({low:.2f} to {high:.2f}): {round(50 * (1 + found))}% of the pairs are in the claimed "
        "order."
    ).replace("-", "−")
    verdict = CONTRADICTED if high < tau else SUPPORTED if low > 0 and found >= tau else UNDECIDED
    return Verdict(verdict, told, n, trials=_trials(entries))


def _trials(entries: list) -> tuple[str, ...]:
    return trials([Finding(UNDECIDED, "", tuple(entries))])
