from __future__ import annotations

import pytest

from harness.analysis.claims import CONTRADICTED, SUPPORTED, UNDECIDED
from harness.analysis.claims.latency import no_overhead, overhead
from harness.analysis.claims.selection import Chosen
from tests.analysis.claims.made import study, timed

LORA = Chosen(method=("lora",))


@pytest.mark.parametrize(
    ("bounds", "adds_none", "adds"),
    [
        ((0.99, 1.015), SUPPORTED, CONTRADICTED),
        ((1.05, 1.08), CONTRADICTED, SUPPORTED),
        ((0.99, 1.08), UNDECIDED, UNDECIDED),
        # Surely slower than the base, perhaps by no more than the margin: neither.
        ((1.01, 1.03), UNDECIDED, UNDECIDED),
        ((1.00, 1.02), SUPPORTED, CONTRADICTED),
    ],
)
def test_no_overhead_is_an_interval_within_the_margin_and_overhead_one_beyond_it(
    bounds: tuple[float, float], adds_none: str, adds: str
) -> None:
    found = study(timed("lora", merged=bounds, size=8))
    assert no_overhead(found, which=LORA, figure="merged").verdict == adds_none
    assert overhead(found, which=LORA, figure="merged").verdict == adds


def test_another_margin_is_another_verdict() -> None:
    found = study(timed("lora", merged=(1.03, 1.04), size=8))
    assert no_overhead(found, which=LORA, figure="merged").verdict == CONTRADICTED
    assert no_overhead(found, which=LORA, figure="merged", margin=0.05).verdict == SUPPORTED


def test_sizes_that_disagree_are_both_named_and_nothing_is_averaged() -> None:
    found = study(
        timed("lora", merged=(0.99, 1.01), size=4), timed("lora", merged=(1.10, 1.12), size=64)
    )
    judged = no_overhead(found, which=LORA, figure="merged")
    assert judged.verdict == UNDECIDED
    assert judged.evidence.startswith("It depends. Holds for lora 4 (")
    assert "Does not hold for lora 64 (1.110×, 1.100–1.120)" in judged.evidence
    assert judged.n == 2


def test_failing_nulls_withhold_every_verdict() -> None:
    off = (1.10, 1.12)
    nulls = [timed(method, off) for method in ("full", "head", "bitfit")]
    found = study(*nulls, timed("lora", (1.3, 1.4), (0.99, 1.01), size=8))
    for figure in ("merged", "unmerged"):
        judged = overhead(found, which=LORA, figure=figure)
        assert judged.verdict == UNDECIDED
        assert "The latency nulls fail" in judged.evidence


def test_what_is_under_test_is_no_null() -> None:
    # Three merged ratios that miss 1.000 would fail the nulls, and here they are the claim.
    made = [timed("lora", merged=(1.10, 1.12), size=size) for size in (4, 8, 16)]
    assert no_overhead(study(*made), which=LORA, figure="merged").verdict == CONTRADICTED


def test_without_records_or_without_the_figure_it_is_said_what_to_run() -> None:
    found = study(timed("houlsby", (1.1, 1.2), size=8))
    absent = no_overhead(found, which=LORA, figure="merged")
    assert (absent.verdict, absent.n, absent.trials) == (UNDECIDED, 0, ())
    assert absent.evidence == "There is no record of lora."
    assert absent.run.startswith("python -m harness -m method=lora seed=0,1,2 model=minilm")
    unmeasured = no_overhead(found, which=Chosen(method=("houlsby",)), figure="decode_unmerged")
    assert unmeasured.verdict == UNDECIDED
    assert "(unmerged) is not known for houlsby: not recorded" in unmeasured.evidence


def test_a_ratio_without_an_interval_decides_nothing() -> None:
    made = timed("lora", merged=(1.5, 1.6), size=8)
    made[0]["latency"]["merged_over_base"] |= {"ci_low": None, "ci_high": None}
    judged = no_overhead(study(made), which=LORA, figure="merged")
    assert judged.verdict == UNDECIDED
    assert "no interval" in judged.evidence


def test_the_verdict_names_the_records_it_rests_on() -> None:
    made = timed("lora", merged=(0.99, 1.01), size=8)
    judged = no_overhead(study(made, timed("houlsby", size=8)), which=LORA, figure="merged")
    assert judged.trials == (made[0]["trial"],)
    assert judged.rests_on == "1 configuration"
