from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from harness.analysis.claims import (
    CONTRADICTED,
    SUPPORTED,
    UNDECIDED,
    Claim,
    Only,
    Verdict,
    across,
    ledger,
    shipped,
)
from harness.analysis.claims.verdict import WORDS, Finding, together
from harness.analysis.study import Study
from harness.errors import ConfigError
from tests import further, records
from tests.analysis.claims.made import scored, studied, study

OWN = "tests.analysis.claims.own_claims"


def claim(**changes: Any) -> Claim:
    given: dict[str, Any] = {
        "id": "mine",
        "statement": "Mine.",
        "source": "folklore",
        "test": "as_good",
        "arguments": {"first": "bitfit", "second": "full"},
        "needs": "Both.",
    }
    return Claim(**(given | changes))


@pytest.fixture(scope="module")
def sweep() -> Study:
    made = [further.measured(row) for row in records.quick(seeds=(0, 1, 2))]
    return study(made)


def judged_of(found: Study) -> list[Verdict]:
    rows = [*ledger(found), *across([found])]
    assert [row.claim for row in rows] == [
        *(each for each in shipped() if each.scope == "study"),
        *(each for each in shipped() if each.scope == "studies"),
    ]
    return [row.verdict for row in rows]


def test_every_shipped_claim_is_judged_on_a_sweep(sweep: Study) -> None:
    ids = {row["trial"] for row in sweep.rows}
    for verdict in judged_of(sweep):
        assert verdict.verdict in WORDS
        assert verdict.evidence
        assert ids.issuperset(verdict.trials)
        assert verdict.decided <= (verdict.n > 0 and len(verdict.trials) > 0)


@pytest.mark.parametrize("method", sorted(records.METHODS))
def test_every_shipped_claim_is_judged_on_a_single_method(method: str) -> None:
    verdicts = judged_of(study([records.record(method, 8)]))
    # One method is never better than another.
    assert Counter(v.counted for v in verdicts if v.decided)["comparison"] == 0


def test_every_shipped_claim_is_undecided_where_nothing_finished() -> None:
    for verdict in judged_of(study([records.failed(method="lora", size=8)])):
        assert (verdict.verdict, verdict.n) == (UNDECIDED, 0)
        assert verdict.evidence


def test_the_sweeps_own_truths_are_found(sweep: Study) -> None:
    found = ledger(sweep)
    # As `records.METHODS` has them: half the parameters; 214 of 463 MiB; lora 1.17, merged 1.
    assert found["pfeiffer-half-of-houlsby"].verdict == SUPPORTED
    assert found["lora-trains-in-a-third"].verdict == CONTRADICTED
    assert found["merged-lora-no-overhead"].verdict == SUPPORTED
    assert found["unmerged-lora-adds-latency"].verdict == SUPPORTED
    assert found["lora-trains-0.1-to-1-percent"].verdict == SUPPORTED
    assert found["bottlenecks-train-3-to-5-percent"].verdict == CONTRADICTED
    assert found["dora-beats-lora"].evidence == "There is no record of dora."


def test_a_verdict_on_some_of_the_methods_named_says_which_it_lacks(sweep: Study) -> None:
    verdict = ledger(sweep)["lora-merges"]
    assert verdict.verdict == SUPPORTED
    assert verdict.evidence == "Holds for lora. No record of lora_plus, lora_fa and dora."


def test_the_conclusion_counts_the_verdicts(sweep: Study) -> None:
    found = ledger(sweep)
    counts = Counter(row.verdict.verdict for row in found)
    assert found.conclusion == (
        f"Of {len(found.rows)} claims, your records support {counts[SUPPORTED]}, contradict "
        f"{counts[CONTRADICTED]} and cannot decide {counts[UNDECIDED]}."
    )
    assert counts[SUPPORTED] + counts[CONTRADICTED] + counts[UNDECIDED] == len(found.rows)


@pytest.mark.parametrize(
    ("only", "config", "obstacle"),
    [
        (Only(kinds=("classification",)), {"kind": "classification"}, ""),
        (Only(kinds=("classification",)), {}, "of a kind that was not recorded"),
        (Only(tasks=("rotten_tomatoes",)), {}, ""),
        (Only(tasks=("sst2",), kinds=("tagging",)), {"kind": "tagging"}, ""),
        (Only(tasks=("sst2",)), {}, "about sst2; the task is rotten_tomatoes"),
        (Only(train_at_most=100), {"limit": {"train": 100}}, ""),
        (Only(train_at_most=100), {"limit": {"train": 101}}, "had 101 examples"),
        (Only(train_at_most=100), {"limit": {"train": None}}, "had all examples"),
        (Only(train_at_most=100), {}, "had a number that was not recorded"),
    ],
)
def test_a_claim_about_some_tasks_is_not_held_against_others(
    only: Only, config: dict[str, Any], obstacle: str
) -> None:
    made = [*scored("bitfit", 0.8, None), *scored("full", 0.8, None)]
    for row in made:
        row["config"]["task"] |= config
    verdict = claim(only=only).judge(study(made))
    assert verdict.verdict == (UNDECIDED if obstacle else SUPPORTED)
    assert obstacle in verdict.evidence


def test_a_function_of_ones_own_is_called_with_its_arguments(sweep: Study) -> None:
    own = claim(test=f"{OWN}:many_records", arguments={})
    assert own.judge(sweep) == Verdict(SUPPORTED, "There are 42.", 42, "record")
    assert own.rule == "There are as many records as one wants."
    assert own.asked == {"at_least": 2}
    many = claim(test=f"{OWN}:many_records", arguments={"at_least": 43})
    assert ledger(sweep, [many])["mine"].verdict == UNDECIDED


def test_a_function_of_ones_own_may_see_all_studies() -> None:
    both = studied(*([records.record("lora", 8, task=task)] for task in ("one", "two")))
    own = claim(test=f"{OWN}:many_studies", scope="studies", arguments={})
    assert across(both, [own])["mine"].evidence == "2 studies."
    assert ledger(both[0], [own]).rows == ()
    assert own.rule == "not described"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken", "raised ZeroDivisionError: of its own making"),
        ("wordless", "must return a Verdict, not True"),
    ],
)
def test_a_function_that_fails_is_named(sweep: Study, name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=rf"claims.mine.test=.*{words}"):
        claim(test=f"{OWN}:{name}", arguments={}).judge(sweep)


def test_only_three_words_are_verdicts() -> None:
    with pytest.raises(ConfigError, match="did you mean supported"):
        Verdict("suported", "")


def findings(supported: int, contradicted: int, undecided: int) -> list[Finding]:
    words = [SUPPORTED] * supported + [CONTRADICTED] * contradicted + [UNDECIDED] * undecided
    return [Finding(word, f"c{place}", ()) for place, word in enumerate(words)]


@pytest.mark.parametrize(
    ("counts", "verdict", "strict"),
    [
        ((1, 0, 0), SUPPORTED, SUPPORTED),
        ((2, 0, 1), SUPPORTED, SUPPORTED),
        ((1, 0, 1), UNDECIDED, UNDECIDED),
        ((0, 2, 1), CONTRADICTED, CONTRADICTED),
        ((0, 1, 1), UNDECIDED, CONTRADICTED),
        ((9, 1, 0), UNDECIDED, CONTRADICTED),
        ((1, 9, 0), UNDECIDED, CONTRADICTED),
        ((0, 0, 3), UNDECIDED, UNDECIDED),
    ],
)
def test_several_findings_are_one_verdict_by_the_rule(
    counts: tuple[int, int, int], verdict: str, strict: str
) -> None:
    assert together(findings(*counts)).verdict == verdict
    assert together(findings(*counts), one_contradicts=True).verdict == strict


def test_many_findings_are_told_briefly() -> None:
    told = together(findings(9, 0, 0)).evidence
    assert told == "Holds for c0, c1, c2 and c3; and 5 more."
    held = [Finding(SUPPORTED, name, (), against) for name, against in ("ax", "bx", "cy")]
    assert together(held).evidence == "Holds for a and b against x; c against y."


def test_what_depends_asks_for_no_more_records() -> None:
    assert together(findings(1, 1, 0), run="sweep").run == ""
    assert together(findings(0, 0, 1), run="sweep").run == "sweep"
