from __future__ import annotations

import pytest

from harness.analysis.claims import CONTRADICTED, SUPPORTED, UNDECIDED
from harness.analysis.claims.comparisons import below, factor, higher, lower, merges, within
from harness.analysis.claims.selection import Chosen
from harness.errors import ConfigError
from tests import records
from tests.analysis.claims.made import bounded, stepped, study, timed

DORA, LORA, FULL = (Chosen(method=(name,)) for name in ("dora", "lora", "full"))


def weighed(method: str, peak: int, size: int | None = 8, **changes: object) -> list[dict]:
    return [records.record(method, size, memory__train__allocated_peak=peak, **changes)]


@pytest.mark.parametrize(
    ("dora", "verdict"), [(90, SUPPORTED), (100, CONTRADICTED), (110, CONTRADICTED)]
)
def test_bytes_are_counted_and_need_one_record(dora: int, verdict: str) -> None:
    found = study(weighed("dora", dora), weighed("lora", 100))
    assert lower(found, first=DORA, second=LORA, figure="train_memory").verdict == verdict


@pytest.mark.parametrize(
    ("dora", "verdict"),
    [
        ((130.0, 131.0, 132.0), SUPPORTED),
        ((90.0, 91.0, 92.0), CONTRADICTED),
        ((80.0, 105.0, 130.0), UNDECIDED),
        ((130.0,), UNDECIDED),
    ],
)
def test_a_time_is_told_apart_by_its_interval_between_seeds(
    dora: tuple[float, ...], verdict: str
) -> None:
    found = study(stepped("dora", dora), stepped("lora", (100.0, 101.0, 102.0)))
    judged = higher(found, first=DORA, second=LORA, figure="step_ms", pair="size")
    assert judged.verdict == verdict
    if len(dora) == 1:
        assert "dora 8 (130 ms, one seed and no interval)" in judged.evidence
        assert "seed=0,1,2 " in judged.run


def test_each_method_is_represented_by_its_best_as_the_claim_has_it() -> None:
    found = study(
        weighed("dora", 90, 4), weighed("dora", 300, 64), weighed("lora", 100, 4),
        weighed("lora", 200, 64),
    )  # fmt: skip
    judged = lower(found, first=DORA, second=LORA, figure="train_memory")
    assert (judged.verdict, judged.n) == (SUPPORTED, 1)
    assert "dora 4" in judged.evidence
    judged = lower(found, first=DORA, second=LORA, figure="train_memory", pair="size")
    assert (judged.verdict, judged.n) == (UNDECIDED, 2)
    assert judged.evidence.startswith("It depends.")


def test_pairs_of_equal_parameters_train_at_most_twice_as_many() -> None:
    def trained(method: str, parameters: int, peak: int, size: int) -> list[dict]:
        return weighed(method, peak, size, parameters__trainable=parameters)

    found = study(
        trained("dora", 1000, 10, 1), trained("dora", 90_000, 10, 64),
        trained("lora", 700, 20, 1), trained("lora", 1200, 20, 2), trained("lora", 9000, 5, 8),
    )  # fmt: skip
    judged = lower(found, first=DORA, second=LORA, figure="train_memory", pair="parameters")
    assert (judged.verdict, judged.n) == (SUPPORTED, 1)
    assert judged.evidence == "Holds for dora 1 (10\u00a0B) against lora 2 (20\u00a0B)."


@pytest.mark.parametrize(
    ("peak", "verdict"), [(330, SUPPORTED), (333, SUPPORTED), (340, CONTRADICTED)]
)
def test_a_factor_of_bytes_is_exact(peak: int, verdict: str) -> None:
    found = study(weighed("lora", peak), weighed("full", 1000, None))
    judged = factor(found, first=LORA, second=FULL, figure="train_memory", most=1 / 3)
    assert judged.verdict == verdict
    assert "over full (0.3" in judged.evidence


def test_a_factor_of_times_lies_between_the_ends_of_both_intervals() -> None:
    def judged(least: float, most: float) -> str:
        found = study(stepped("dora", (119.0, 120.0, 121.0)), stepped("lora", (99.0, 100.0, 101.0)))
        return factor(
            found, first=DORA, second=LORA, figure="step_ms", least=least, most=most, pair="size"
        ).verdict

    # Student's 4.30 / √3 = 2.48 either way: from 117.5 / 102.5 = 1.147 to 122.5 / 97.5 = 1.256.
    assert judged(1.14, 1.26) == SUPPORTED
    assert judged(1.15, 1.26) == UNDECIDED
    assert judged(1.14, 1.25) == UNDECIDED
    assert judged(1.26, 2.0) == CONTRADICTED
    assert judged(0.5, 1.14) == CONTRADICTED


def test_a_range_upside_down_is_refused() -> None:
    with pytest.raises(ConfigError, match="least=2"):
        within(study(timed("lora")), which=LORA, figure="unmerged", least=2, most=1)


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ((1.045, 1.055), SUPPORTED),
        ((1.01, 1.03), CONTRADICTED),
        ((1.07, 1.09), CONTRADICTED),
        ((1.03, 1.05), UNDECIDED),
    ],
)
def test_within_a_range_is_all_of_the_interval(bounds: tuple[float, float], verdict: str) -> None:
    found = study(timed("houlsby", bounds, size=8))
    judged = within(
        found, which=Chosen(method=("houlsby",)), figure="unmerged", least=1.04, most=1.06
    )
    assert judged.verdict == verdict


@pytest.mark.parametrize(
    ("batch", "verdict"),
    [((1.01, 1.03), SUPPORTED), ((1.2, 1.3), CONTRADICTED), ((1.05, 1.15), UNDECIDED)],
)
def test_below_holds_two_figures_of_one_configuration_against_each_other(
    batch: tuple[float, float], verdict: str
) -> None:
    made = timed("houlsby", (1.09, 1.11), size=8)
    made[0]["latency"]["batch"]["unmerged_over_base"] = bounded(batch)
    which = Chosen(method=("houlsby",))
    judged = below(study(made), which=which, figure="unmerged_batch", than="unmerged")
    assert judged.verdict == verdict


def test_merging_holds_for_a_method_when_it_does_for_all_its_sizes() -> None:
    which = Chosen(method=("lora", "houlsby", "full"))
    assert merges(study([records.record("lora", 8)]), which=which).verdict == SUPPORTED
    judged = merges(study([records.record("houlsby", 8)]), which=which)
    assert judged.verdict == CONTRADICTED
    assert "not linear" in judged.evidence
    assert merges(study([records.record("houlsby", 8)]), which=which, can=False).verdict == (
        SUPPORTED
    )
    stubborn = records.record("lora", 16, merge__mergeable=False, merge__reason="four bits")
    judged = merges(study([records.record("lora", 8), stubborn]), which=which)
    assert (judged.verdict, judged.n) == (CONTRADICTED, 1)
    untried = records.record("lora", 4, merge__mergeable=None, merge__reason="not measured")
    for made in ([untried], [records.record("lora", 8), untried]):
        for can in (True, False):
            assert merges(study(made), which=which, can=can).verdict == UNDECIDED
    assert merges(study([untried, stubborn]), which=which).verdict == CONTRADICTED
    # What is trained in place has nothing to merge.
    assert merges(study([records.record("full")]), which=which).verdict == UNDECIDED


def test_a_missing_side_is_named_with_the_sizes_of_the_other() -> None:
    found = study(weighed("lora", 100, 4), weighed("lora", 100, 16))
    judged = lower(found, first=DORA, second=LORA, figure="train_memory", pair="size")
    assert judged.evidence == "There is no record of dora."
    assert judged.run == (
        "python -m harness -m method=dora,lora size=4,16 seed=0,1,2 model=minilm "
        "task=rotten_tomatoes"
    )


def test_a_figure_that_was_not_measured_is_to_be_measured() -> None:
    found = study(weighed("lora", 100, 4), weighed("dora", 100, 4))
    judged = lower(found, first=DORA, second=LORA, figure="capacity")
    assert judged.verdict == UNDECIDED
    for method in ("dora", "lora"):
        assert f"Capacity is not known for {method}: not recorded." in judged.evidence
    assert judged.run.endswith("measure=default")
