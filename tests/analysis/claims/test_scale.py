from __future__ import annotations

import pytest

from harness.analysis.claims import CONTRADICTED, SUPPORTED, UNDECIDED
from harness.analysis.claims.scale import gap_closes
from harness.analysis.claims.selection import Chosen
from tests.analysis.claims.made import SEEDS, scored, studied

PROMPT, FULL = Chosen(method=("prompt_tuning",)), Chosen(method=("full",))
MODELS = (("small", 1_000_000), ("large", 100_000_000))


def judged(gaps: tuple[float, float], seeds: tuple[int, ...] = SEEDS, models=MODELS):
    made = [
        scored(method, value, None, seeds, model=model, parameters__total=total)
        for (model, total), gap in zip(models, gaps, strict=True)
        for method, value in (("full", 0.9), ("prompt_tuning", 0.9 - gap))
    ]
    return gap_closes(studied(*made), first=PROMPT, second=FULL)


@pytest.mark.parametrize(
    ("gaps", "verdict"),
    [((0.20, 0.02), SUPPORTED), ((0.02, 0.20), CONTRADICTED), ((0.10, 0.10), UNDECIDED)],
)
def test_the_lead_on_the_smallest_is_held_against_that_on_the_largest(
    gaps: tuple[float, float], verdict: str
) -> None:
    found = judged(gaps)
    assert found.verdict == verdict
    assert (found.n, found.counted, len(found.trials)) == (1, "task", 12)
    assert "large, 100M parameters" in found.evidence


def test_half_widths_of_the_two_leads_add_in_squares() -> None:
    # Each lead is 0.4 points wide either way, their difference 0.57: 0.5 points are no difference.
    assert judged((0.105, 0.100)).verdict == UNDECIDED
    assert judged((0.106, 0.100)).verdict == SUPPORTED


def test_one_model_two_of_a_size_or_one_seed_decide_nothing() -> None:
    assert judged((0.2,), models=MODELS[:1]).n == 0
    near = (("small", 1_000_000), ("other", 1_500_000))
    found = judged((0.2, 0.0), models=near)
    assert (found.verdict, found.n) == (UNDECIDED, 0)
    assert "method=prompt_tuning,full" in found.run
    assert judged((0.2, 0.0), seeds=(0,)).verdict == UNDECIDED


def test_no_study_is_undecided() -> None:
    assert gap_closes((), first=PROMPT, second=FULL).verdict == UNDECIDED
