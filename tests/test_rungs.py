"""What a search tries and which rate it chooses, against closed forms."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from harness.checked import from_plain
from harness.config import TrainConfig
from harness.errors import ConfigError
from harness.rungs import Rung, best_first, budget, chosen, edge, rates
from harness.search_config import SearchConfig

PLAIN: dict[str, Any] = {
    "low": 0.1, "high": 10, "trials": 9, "keep": 3, "examples": None, "seeds": [7],
}  # fmt: skip
RECIPE = TrainConfig(
    steps=90, batch_size=8, learning_rate=2e-3, warmup=0.1, weight_decay=0.01, clip_norm=1.0,
    eval_batch_size=64,
)  # fmt: skip


def search(**changes: Any) -> SearchConfig:
    return from_plain(SearchConfig, PLAIN | changes)


def test_rates_are_evenly_spaced_on_a_log_scale_around_the_recipes_own():
    found = rates(search(), 2e-3)
    assert found == (2e-4, 3.56e-4, 6.32e-4, 1.12e-3, 2e-3, 3.56e-3, 6.32e-3, 1.12e-2, 2e-2)
    for low, high in pairwise(found):
        assert high / low == pytest.approx(10**0.25, rel=0.01)


def test_rates_that_three_digits_cannot_tell_apart_are_refused():
    with pytest.raises(ConfigError, match=r"^search.trials=9: too many to differ"):
        rates(search(low=1, high=1.001), 2e-3)


@pytest.mark.parametrize(
    ("trials", "keep", "expected"),
    [
        (9, 3, [(9, 30), (3, 90)]),  # a last rung of one would choose nothing
        (27, 3, [(27, 10), (9, 30), (3, 90)]),
        (8, 2, [(8, 22), (4, 45), (2, 90)]),
        (7, 3, [(7, 30), (2, 90)]),
        (5, None, [(5, 90)]),
    ],
)
def test_rungs_shrink_by_what_is_kept_and_grow_by_as_much_to_the_recipes_steps(
    trials, keep, expected
):
    found = budget(search(trials=trials, keep=keep), RECIPE)
    assert found.rungs == tuple(Rung(rates, steps) for rates, steps in expected)
    assert found.trials == sum(rates for rates, _ in expected)
    assert found.examples == 8 * sum(rates * steps for rates, steps in expected)


def test_every_seed_of_the_search_costs_as_much_again():
    one, two = budget(search(), RECIPE), budget(search(seeds=[7, 8]), RECIPE)
    assert (two.trials, two.examples) == (2 * one.trials, 2 * one.examples)
    assert two.rungs == one.rungs


@pytest.mark.parametrize("limit", [144, 1000, 2345, 4319])
@pytest.mark.parametrize(("trials", "keep"), [(9, 3), (5, None)])
def test_a_limit_of_examples_is_kept_and_used_up_to_one_step_per_trial(limit, trials, keep):
    found = budget(search(trials=trials, keep=keep, examples=limit), RECIPE)
    assert found.examples <= limit
    # One more step of the last rung may take one of each rung.
    if found.rungs[-1].steps < RECIPE.steps:
        assert limit < found.examples + 8 * found.trials


def test_a_limit_beyond_what_is_needed_changes_nothing():
    assert budget(search(examples=10**6), RECIPE) == budget(search(), RECIPE)


def test_fewer_examples_than_one_batch_per_trial_are_refused_with_the_least():
    least = 8 * (9 * 1 + 3 * 3)
    assert budget(search(examples=least), RECIPE).examples == least
    with pytest.raises(ConfigError, match=rf"^search.examples={least - 1}: .*at least {least}$"):
        budget(search(examples=least - 1), RECIPE)


def test_a_recipe_of_fewer_steps_than_the_rungs_need_is_refused():
    recipe = replace(RECIPE, steps=8)
    with pytest.raises(ConfigError, match=r"^train.steps=8: too few for 3 rungs .*at least 9$"):
        budget(search(trials=27), recipe)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trials": 1}, "trials=1: should be greater than or equal to 2"),
        ({"low": 10}, "low=10.0: must be below search.high=10"),
        ({"low": 0}, "low=0: should be greater than 0"),
        ({"seeds": []}, "seeds="),
        ({"seeds": [3, 3]}, "seeds=.*: names a seed twice"),
        ({"keep": 1}, "keep=1: should be greater than or equal to 2"),
        ({"trials": 5}, "trials=5: leaves nothing to choose from .* at least 6, or keep=null"),
        ({"examples": 0}, "examples=0: should be greater than or equal to 1"),
        ({"width": 3}, "width=3: is not a known field"),
    ],
)
def test_a_search_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        search(**changes)


GRID = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def test_rates_go_on_by_validation_and_those_that_failed_do_not():
    scores = {1e-4: 0.5, 1e-3: 0.7, 1e-2: 0.6, 1e-1: None, 1.0: None}
    assert best_first(scores, GRID, higher_is_better=True) == [1e-3, 1e-2, 1e-4]
    assert best_first(scores, GRID, higher_is_better=False) == [1e-4, 1e-2, 1e-3]


def test_of_equals_the_one_nearest_to_the_middle_goes_first_then_the_lower():
    scores = dict.fromkeys(GRID, 0.6)
    assert best_first(scores, GRID, True) == [1e-2, 1e-3, 1e-1, 1e-4, 1.0]


def test_three_digits_of_rounding_make_no_rate_nearer_to_the_middle():
    grid = rates(search(trials=6), 5e-3)
    assert best_first(dict.fromkeys(grid, 0.6), grid, True)[:2] == [grid[2], grid[3]]


def test_the_longest_rung_decides():
    short, long = dict.fromkeys(GRID, 0.5) | {1e-4: 0.9}, {1e-4: 0.6, 1e-3: 0.7}
    assert chosen([short, long], GRID) == 1e-3


def test_a_rate_that_failed_later_is_out_and_the_rung_before_decides():
    short = {1e-4: 0.5, 1e-3: 0.7, 1e-2: 0.6, 1e-1: 0.8, 1.0: None}
    assert chosen([short, {1e-1: None, 1e-3: None}], GRID) == 1e-2
    assert chosen([short, {}], GRID) == 1e-1


def test_nothing_is_chosen_where_nothing_ended_well():
    assert chosen([dict.fromkeys(GRID), {}], GRID) is None


def test_only_the_ends_of_the_grid_are_its_edges():
    assert [edge(rate, GRID) for rate in GRID] == ["low", None, None, None, "high"]
