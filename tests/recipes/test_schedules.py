"""The rule that picks a schedule, and whose schedule a trial takes."""

from __future__ import annotations

import pytest

from harness.entry import CONF, compose
from harness.recipes import __main__ as command
from harness.recipes.evidence import Tried
from harness.recipes.multiples import load
from harness.recipes.page import Found, page, schedules
from harness.recipes.schedules import USUAL, Schedule, Scores, batch_size, beyond, chosen, scores

EIGHT, SIXTEEN, THIRTY_TWO = Schedule(512, 8), Schedule(256, 16), Schedule(128, 32)
LONGER = Schedule(512, 16)
SHORT_EIGHT, SHORT = Schedule(128, 8), Schedule(64, 16)


def tried(
    each: Schedule, validation: float | None, method: str = "lora", seed: int = 0,
    multiple: float = 1.0,
) -> Tried:  # fmt: skip
    return Tried(
        kind="regression", family="encoder", model="m", task="t", method=method, size=8,
        multiple=multiple, learning_rate=multiple / 1e3, seed=seed,
        steps=each.steps, batch_size=each.batch_size,
        metric="spearman", validation=validation, status="diverged" if validation is None else "ok",
    )  # fmt: skip


def of_one(means: dict[Schedule, float]) -> Scores:
    """The scores of one method."""
    return {each: {"lora": score} for each, score in means.items()}


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ({EIGHT: 0.6, SIXTEEN: 0.5, THIRTY_TWO: 0.4}, 8),
        ({EIGHT: 0.605, SIXTEEN: 0.6, THIRTY_TWO: 0.4}, 16),  # within the noise, and usual
        ({EIGHT: 0.6, SIXTEEN: 0.5, THIRTY_TWO: 0.6}, 8),  # as near to the usual one, and smaller
        ({EIGHT: 0.6, SIXTEEN: 0.5, LONGER: 0.9}, 8),  # of more examples: not compared
        ({EIGHT: 0.6, SIXTEEN: 0.5, SHORT_EIGHT: 0.1, SHORT: 0.4}, 8),  # longer ones say more
        ({SIXTEEN: 0.5}, None),
        ({}, None),
    ],
)
def test_batch_sizes_are_compared_at_one_number_of_examples(means, expected):
    assert batch_size(of_one(means)) == expected


@pytest.mark.parametrize(("longer", "expected"), [(0.505, SIXTEEN), (0.53, LONGER), (0.3, SIXTEEN)])
def test_steps_are_as_few_as_no_longer_schedule_gains_on(longer, expected):
    assert chosen(of_one({EIGHT: 0.4, SIXTEEN: 0.5, LONGER: longer})) == expected


def test_a_plateau_before_a_gain_is_not_taken_for_the_end():
    most = Schedule(1024, 16)
    assert chosen(of_one({EIGHT: 0.4, SIXTEEN: 0.5, LONGER: 0.5, most: 0.6})) == most


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ({EIGHT: 0.4, SIXTEEN: 0.5}, LONGER),
        ({EIGHT: 0.4, SIXTEEN: 0.5, LONGER: 0.6}, Schedule(1024, 16)),
        ({EIGHT: 0.4, SIXTEEN: 0.5, LONGER: 0.5}, None),  # nothing was gained
        ({EIGHT: 0.4, SIXTEEN: 0.5, LONGER: 0.6, Schedule(1024, 16): 0.7}, None),  # too many
        ({}, None),
    ],
)
def test_the_longest_is_doubled_while_it_is_the_one_chosen(means, expected):
    assert beyond(of_one(means), most=16_384) == expected


def test_batch_sizes_are_compared_by_the_mean_over_methods():
    eight, sixteen = {"full": 0.9, "lora": 0.3}, {"full": 0.5, "lora": 0.6}
    assert batch_size({EIGHT: eight, SIXTEEN: sixteen}) == 8
    assert batch_size({EIGHT: eight, SIXTEEN: {**sixteen, "lora": 0.8}}) == 16


def test_steps_are_as_many_as_the_method_needs_that_learns_last():
    early = {"full": 0.8, "late": 0.2}
    assert chosen({EIGHT: {"full": 0.1, "late": 0.1}, SIXTEEN: early, LONGER: early}) == SIXTEEN
    late = {"full": 0.79, "late": 0.23}  # what another loses by it is less
    assert chosen({EIGHT: {"full": 0.1, "late": 0.1}, SIXTEEN: early, LONGER: late}) == LONGER


def test_scores_are_means_over_seeds_by_method():
    rows = [tried(EIGHT, 0.2, seed=0), tried(EIGHT, 0.4, seed=1), tried(EIGHT, 0.9, "full")]
    assert scores(rows) == {EIGHT: {"lora": pytest.approx(0.3), "full": 0.9}}


def test_of_several_rates_the_best_at_which_every_seed_ended_well_counts():
    rows = [
        tried(EIGHT, 0.2, multiple=1), tried(EIGHT, 0.4, multiple=1, seed=1),
        tried(EIGHT, 0.5, multiple=3), tried(EIGHT, 0.3, multiple=3, seed=1),
        tried(EIGHT, 0.9, multiple=10), tried(EIGHT, None, multiple=10, seed=1),
    ]  # fmt: skip
    assert scores(rows) == {EIGHT: {"lora": pytest.approx(0.4)}}


def test_a_schedule_that_a_method_lacks_or_did_not_survive_has_no_score():
    both = [tried(EIGHT, 0.2), tried(EIGHT, 0.4, "full")]
    assert list(scores([*both, tried(LONGER, 0.9)])) == [EIGHT]
    assert list(scores([*both, tried(LONGER, 0.9), tried(LONGER, None, "full")])) == [EIGHT]


def test_written_schedules_are_those_that_are_chosen(tmp_path):
    rows = [tried(EIGHT, 0.4), tried(SIXTEEN, 0.5), tried(LONGER, 0.505)]
    (tmp_path / "schedules.yaml").write_text(schedules(rows), "utf-8")
    found = load(tmp_path / "schedules.yaml")
    assert found == {"regression": {"encoder": {"steps": 256, "batch_size": 16}}}


@pytest.mark.parametrize("longer", [0.5, 0.6])
def test_fewer_steps_than_the_usual_are_never_chosen(longer):
    most = Schedule(128, 16)
    assert most.steps < USUAL.steps
    known = of_one({SHORT_EIGHT: 0.4, SHORT: 0.5, most: longer})
    assert chosen(known) == USUAL
    assert beyond(known, most=4096) == (SIXTEEN if longer > 0.5 else None)  # the search goes on


def test_a_schedule_that_ruins_a_method_is_not_chosen_for_what_another_gains():
    short = {"full": 0.80, "lora": 0.73}
    known = {EIGHT: {"full": 0.1, "lora": 0.1}, SIXTEEN: short}
    assert chosen({**known, LONGER: {"full": 0.84, "lora": 0.15}}) == SIXTEEN
    assert chosen({**known, LONGER: {"full": 0.84, "lora": 0.68}}) == LONGER  # the mean is as good
    assert beyond({**known, LONGER: {"full": 0.84, "lora": 0.15}}, most=16_384) is None


def test_page_marks_the_chosen_and_says_where_longer_ones_may_gain():
    rows = [tried(EIGHT, 0.4), tried(SIXTEEN, 0.5)]
    told = page(Found(schedules=rows), {}, {})
    assert "| **256 × 16** | 4,096 | 0.500 | 0.500 |" in told
    assert "more may be gained" in told
    assert "Chosen is" not in told
    assert "more may be gained" not in page(Found(schedules=[*rows, tried(LONGER, 0.5)]), {}, {})


def test_page_says_where_the_chosen_was_not_tried():
    told = page(Found(schedules=[tried(SHORT_EIGHT, 0.4), tried(SHORT, 0.5)]), {}, {})
    assert "Chosen is 150 × 16: fewer than 150 steps never are." in told
    assert "more may be gained" in told
    assert "**64 × 16**" not in told


@pytest.mark.parametrize("kind", sorted(load(CONF / "recipes" / "schedules.yaml")))
def test_default_recipe_takes_the_schedule_of_its_kind_and_family(kind):
    of_kind = load(CONF / "recipes" / "schedules.yaml")[kind]
    searched = compose([], "recipes").searched
    for family, expected in of_kind.items():
        cell = searched[f"{kind}_{family}"]
        train = compose([f"model={cell.model}", f"task={cell.task}"]).train
        assert (train.steps, train.batch_size) == (expected["steps"], expected["batch_size"])


def test_what_was_not_searched_is_as_classification_by_the_family_or_the_usual():
    shipped = load(CONF / "recipes" / "schedules.yaml")
    train = compose(["model=smollm2", "task=stsb"]).train
    own = shipped.get("classification", {}).get("decoder")
    expected = USUAL if own is None else Schedule(**own)
    assert Schedule(train.steps, train.batch_size) == expected


def test_own_steps_are_taken_as_they_are():
    assert compose(["train.steps=7", "train.batch_size=3"]).train.steps == 7


def test_shipped_evidence_is_of_cells_that_can_be_searched_again():
    searched = compose([], "recipes").searched
    cells = {(cell.kind, cell.family, cell.model, cell.task) for cell in searched.values()}
    found = command.read(CONF / "recipes")
    for row in [*found.rates, *found.schedules]:
        assert (*row.cell, row.model, row.task) in cells
