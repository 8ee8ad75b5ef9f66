from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis.claims import CONTRADICTED, SUPPORTED, UNDECIDED
from harness.analysis.claims.quality import as_good, better, gap, ranking
from harness.analysis.claims.selection import Chosen
from harness.analysis.study import studies
from harness.store import load
from tests import records
from tests.analysis.claims.made import scored, study

PFEIFFER, HOULSBY = Chosen(method=("pfeiffer",)), Chosen(method=("houlsby",))
ORDER = tuple(
    Chosen(method=(name,)) for name in ("full", "lora", "houlsby", "prompt_tuning", "ia3")
)


@pytest.mark.parametrize(
    ("pfeiffer", "is_better", "is_as_good"),
    [
        (0.810, SUPPORTED, SUPPORTED),
        (0.790, CONTRADICTED, UNDECIDED),  # worse by 0.6 to 1.4 points
        (0.780, CONTRADICTED, CONTRADICTED),
        (0.7955, CONTRADICTED, SUPPORTED),  # worse by 0.05 to 0.85 points: by less than one
        (0.799, UNDECIDED, SUPPORTED),
    ],
)
def test_better_and_as_good_by_the_interval_of_the_lead(
    pfeiffer: float, is_better: str, is_as_good: str
) -> None:
    found = study(scored("pfeiffer", pfeiffer), scored("houlsby", 0.800))
    judged = better(found, first=PFEIFFER, second=HOULSBY)
    assert (judged.verdict, judged.n) == (is_better, 1)
    assert as_good(found, first=PFEIFFER, second=HOULSBY, points=1).verdict == is_as_good


def test_where_less_is_better_the_sign_turns() -> None:
    def found(pfeiffer: float) -> str:
        way = {"quality__metric": "perplexity", "quality__higher_is_better": False}
        made = study(
            scored("pfeiffer", pfeiffer, half=1, **way), scored("houlsby", 20.0, half=1, **way)
        )
        return better(made, first=PFEIFFER, second=HOULSBY).verdict

    assert (found(10.0), found(30.0), found(21.0)) == (SUPPORTED, CONTRADICTED, UNDECIDED)


def test_points_are_for_metrics_that_are_shares() -> None:
    made = study(scored("pfeiffer", 20.0, quality__metric="perplexity"))
    judged = as_good(made, first=PFEIFFER, second=HOULSBY)
    assert judged.verdict == UNDECIDED
    assert "perplexity is no share" in judged.evidence


@pytest.mark.parametrize(("seeds", "words"), [((0,), "one seed"), ((0, 1), "2 seeds")])
def test_fewer_than_three_seeds_are_a_hint(seeds: tuple[int, ...], words: str) -> None:
    found = study(scored("pfeiffer", 0.9, seeds=seeds), scored("houlsby", 0.7))
    for judged in (
        better(found, first=PFEIFFER, second=HOULSBY),
        as_good(found, first=PFEIFFER, second=HOULSBY),
    ):
        assert judged.verdict == UNDECIDED
        assert f"{words}, a hint that it holds" in judged.evidence
    judged = better(found, first=HOULSBY, second=PFEIFFER)
    assert f"{words}, a hint that it does not" in judged.evidence
    assert "seed=0,1,2 " in judged.run


def test_what_three_seeds_cannot_tell_asks_for_more_of_them() -> None:
    found = study(scored("pfeiffer", 0.80), scored("houlsby", 0.80))
    judged = better(found, first=PFEIFFER, second=HOULSBY)
    assert judged.verdict == UNDECIDED
    assert "seed=0,1,2,3,4,5 " in judged.run


def test_a_method_is_represented_by_its_best_on_validation_and_never_on_test() -> None:
    lucky = scored("pfeiffer", 0.95, size=4)
    for row in lucky:
        row["quality"]["validation"] = 0.5
    found = study(lucky, scored("pfeiffer", 0.75, size=64), scored("houlsby", 0.80))
    judged = better(found, first=PFEIFFER, second=HOULSBY)
    assert judged.verdict == CONTRADICTED
    assert "pfeiffer 64" in judged.evidence


def test_pairs_of_a_size_are_judged_each() -> None:
    found = study(
        scored("pfeiffer", 0.80, 4), scored("houlsby", 0.75, 4),
        scored("pfeiffer", 0.80, 16), scored("houlsby", 0.75, 16), scored("houlsby", 0.99, 64),
    )  # fmt: skip
    judged = better(found, first=PFEIFFER, second=HOULSBY, pair="size")
    assert (judged.verdict, judged.n) == (SUPPORTED, 2)
    assert len(judged.trials) == 12


def test_methods_that_disagree_are_undecided() -> None:
    found = study(scored("pfeiffer", 0.80), scored("houlsby", 0.70), scored("lora", 0.90))
    judged = better(found, first=PFEIFFER, second=Chosen(method=("houlsby", "lora")))
    assert judged.verdict == UNDECIDED
    assert judged.evidence.startswith("It depends.")


def test_pairs_on_the_same_examples_decide_what_wide_intervals_cannot(tmp_path: Path) -> None:
    made = [
        *scored("pfeiffer", 0.760, half=0.025),
        *scored("houlsby", 0.790, half=0.025),
    ]
    (blunt,) = studies(load(records.write(tmp_path / "blunt", made, with_outcomes=False)))
    (paired,) = studies(load(records.write(tmp_path / "paired", made)))
    assert better(blunt, first=HOULSBY, second=PFEIFFER).verdict == UNDECIDED
    assert better(paired, first=HOULSBY, second=PFEIFFER).verdict == SUPPORTED


def test_without_pairs_the_lead_lies_between_the_ends_of_both_intervals() -> None:
    found = study(scored("pfeiffer", 0.80), scored("houlsby", 0.75, half=0.01))
    houlsby, pfeiffer = sorted(found.entries, key=lambda e: e.method)
    lead = gap(found, pfeiffer, houlsby)
    assert (lead.value, lead.low, lead.high) == pytest.approx((0.05, 0.038, 0.062))
    assert lead.seeds == 3


def ranked(qualities: tuple[float, ...], seeds: tuple[int, ...] = (0, 1, 2)) -> tuple[str, str]:
    made = [
        scored(one.method[0], quality, seeds=seeds)
        for one, quality in zip(ORDER, qualities, strict=False)
    ]
    judged = ranking(study(*made), order=ORDER)
    return judged.verdict, judged.evidence


def test_a_ranking_holds_when_every_neighbour_is_told_apart() -> None:
    verdict, evidence = ranked((0.9, 0.8, 0.7, 0.6, 0.5))
    assert verdict == SUPPORTED
    assert (
        "Of 10 pairs, 10 are told apart as claimed, 0 the other way, and 0 not at all" in evidence
    )


def test_a_ranking_with_a_tie_is_undecided() -> None:
    assert ranked((0.9, 0.8, 0.8, 0.6, 0.5))[0] == UNDECIDED


def test_a_ranking_turned_around_is_contradicted() -> None:
    verdict, evidence = ranked((0.5, 0.6, 0.7, 0.8, 0.9))
    assert verdict == CONTRADICTED
    assert "10 the other way" in evidence
    assert "Lora 8 beats full" in evidence


def test_one_reversal_of_ten_is_what_intervals_allow_by_chance() -> None:
    verdict, evidence = ranked((0.9, 0.7, 0.8, 0.6, 0.5))
    assert verdict == UNDECIDED
    assert "Houlsby 8 beats lora 8" in evidence


def test_a_ranking_with_a_place_empty_or_one_seed_is_undecided() -> None:
    verdict, evidence = ranked((0.9, 0.8, 0.7, 0.6))
    assert verdict == UNDECIDED
    assert "There is no record of ia3." in evidence
    verdict, evidence = ranked((0.9, 0.8, 0.7, 0.6, 0.5), seeds=(0,))
    assert verdict == UNDECIDED
    assert "One seed: a hint that it is supported." in evidence
