from __future__ import annotations

import pytest

from harness.analysis.claims import CONTRADICTED, SUPPORTED, UNDECIDED
from harness.analysis.claims.selection import Chosen
from harness.analysis.claims.sizes import enough, needed
from tests.analysis.claims.made import SEEDS, scored, study

LORA = Chosen(method=("lora",))


def sized(qualities: dict[int, float], seeds: tuple[int, ...] = SEEDS):
    return study(*(scored("lora", value, size, seeds) for size, value in qualities.items()))


@pytest.mark.parametrize(
    ("qualities", "verdict", "n"),
    [
        ({2: 0.6, 4: 0.800, 8: 0.803, 16: 0.801}, SUPPORTED, 2),
        ({4: 0.800, 8: 0.850, 16: 0.801}, CONTRADICTED, 2),
        ({4: 0.800, 8: 0.810}, UNDECIDED, 1),
        ({2: 0.7, 4: 0.800}, UNDECIDED, 0),
        ({8: 0.7, 16: 0.800}, UNDECIDED, 0),
    ],
)
def test_a_size_is_enough_when_no_larger_one_leads_it_by_a_point(
    qualities: dict[int, float], verdict: str, n: int
) -> None:
    judged = enough(sized(qualities), which=LORA, size=4, points=1)
    assert (judged.verdict, judged.n) == (verdict, n), judged.evidence
    if not n:
        assert "size=4,8,16 seed=0,1,2 " in judged.run


@pytest.mark.parametrize(
    ("qualities", "verdict"),
    [
        ({4: 0.70, 8: 0.80}, SUPPORTED),
        ({4: 0.80, 8: 0.80}, CONTRADICTED),
        ({4: 0.81, 8: 0.80}, CONTRADICTED),
        ({4: 0.792, 8: 0.80}, SUPPORTED),  # a lead of 0.4 to 1.2 points
        ({4: 0.797, 8: 0.80}, CONTRADICTED),  # of -0.1 to 0.7 points: less than one
        ({1: 0.1, 4: 0.80, 8: 0.80}, CONTRADICTED),  # the next smaller one counts
        ({8: 0.80, 16: 0.9}, UNDECIDED),
    ],
)
def test_a_size_is_needed_when_it_leads_the_next_smaller_one(
    qualities: dict[int, float], verdict: str
) -> None:
    assert needed(sized(qualities), which=LORA, size=8, points=1).verdict == verdict


@pytest.mark.parametrize("test", [enough, needed])
def test_one_seed_is_a_hint(test) -> None:
    judged = test(sized({4: 0.5, 8: 0.8, 16: 0.8}, seeds=(0,)), which=LORA, size=8)
    assert judged.verdict == UNDECIDED
    assert "1 seed, a hint" in judged.evidence


@pytest.mark.parametrize("test", [enough, needed])
def test_points_are_for_metrics_that_are_shares(test) -> None:
    found = study(scored("lora", 20.0, quality__metric="perplexity"))
    assert "no share" in test(found, which=LORA, size=8).evidence
