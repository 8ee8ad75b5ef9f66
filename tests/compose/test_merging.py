"""Which merges are tried, which is chosen, and what a score is held against."""

from __future__ import annotations

import pytest

from harness.checked import from_plain
from harness.compose.merging import Candidate, Merging, best, relative
from harness.errors import ConfigError

SETTINGS = {"combination_types": ["cat", "ties"], "weights": [0.5, 1.0], "densities": [0.2, 0.5]}


def merging(**changes: object) -> Merging:
    return from_plain(Merging, SETTINGS | changes)


def test_what_prunes_is_tried_at_every_density_and_a_sum_at_every_weight():
    assert merging().candidates("cat") == [Candidate("cat", 0.5, None), Candidate("cat", 1.0, None)]
    assert merging().candidates("ties") == [
        Candidate("ties", weight, density) for weight in (0.5, 1.0) for density in (0.2, 0.5)
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"combination_types": ["cat", "tise"]}, "combination_types=tise: did you mean ties"),
        ({"combination_types": ["average"]}, "combination_types=average: one of cat, dare_linear"),
        ({"combination_types": "ties"}, "combination_types=ties: should be a list in brackets"),
        ({"combination_types": []}, "combination_types="),
        ({"weights": [0.0]}, "weights=0.0: should be greater than 0"),
        ({"weights": [-1.0]}, "weights=-1.0: should be greater than 0"),
        ({"weights": 0.5}, "weights=0.5: should be a list in brackets"),
        ({"densities": [0.0]}, "densities=0.0: should be greater than 0"),
        ({"densities": [1.2]}, "densities=1.2: should be less than or equal to 1"),
        ({"lambdas": [1.0]}, "lambdas=.*: is not a known field"),
    ],
)
def test_wrong_setting_is_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        merging(**changes)


def test_every_type_that_peft_can_merge_is_known_and_no_other():
    from typing import get_args, get_type_hints

    from peft import LoraModel

    from harness.compose.merging import PRUNED, SUMS

    hints = get_type_hints(LoraModel.add_weighted_adapter)
    assert set(get_args(hints["combination_type"])) == {*SUMS, *PRUNED}


def test_best_has_the_highest_mean_and_of_equals_the_first_is_taken():
    assert best([[0.9, 0.1], [0.6, 0.6], [0.2, 0.9]]) == 1
    assert best([[0.5, 0.7], [0.6, 0.6]]) == 0


def test_relative_score_is_the_mean_of_the_ratios_to_the_own_adapters():
    own = {"a": 0.8, "b": 0.5}
    assert relative(own, own) == 1.0
    assert relative({"a": 0.4, "b": 0.6}, own) == pytest.approx((0.5 + 1.2) / 2)
    assert relative({"a": 0.4, "b": 0.6}, {"a": 0.8, "b": 0.0}) is None
