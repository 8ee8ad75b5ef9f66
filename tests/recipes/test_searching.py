"""What a search asks for, wave after wave, and that it ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.config import run_config
from harness.entry import compose
from harness.errors import ConfigError
from harness.recipes import searching
from harness.recipes.__main__ import shipped
from harness.recipes.evidence import Tried
from harness.recipes.schedules import Schedule
from harness.recipes.searching import Asked


class Trained:
    """In the place of a sweep: every trial scores what `score` says of it."""

    def __init__(self, score: Any) -> None:
        self.score = score
        self.kept: list[Tried] = []

    def run(self, trials: Sequence[Any], settings: object) -> None:
        pass

    def tried(self, asked: Sequence[Asked], settings: object) -> Any:
        for each in asked:
            score = self.score(each)
            if score is not None:  # it failed
                yield searching._line(each, "ok", {"validation": score})

    def keep(self, found: Sequence[Tried]) -> None:
        self.kept = list(found)


@pytest.fixture
def trained(monkeypatch, request) -> Trained:
    found = Trained(request.param)
    monkeypatch.setattr(searching, "run_sweep", found.run)
    monkeypatch.setattr(searching, "_tried", found.tried)
    return found


def cfg_of(tmp_path: Path, *overrides: str) -> Any:
    return compose([f"results={tmp_path}", "methods=[lora]", *overrides], "recipes")


@pytest.mark.parametrize("trained", [lambda each: each.multiple], indirect=True)
def test_rates_are_tried_on_beyond_the_edge_at_which_the_best_lies(tmp_path, trained):
    cfg = cfg_of(tmp_path)
    searching.rates(cfg, cfg.searched.regression_encoder, trained.keep)
    assert [row.multiple for row in trained.kept] == [1, 3, 10, 30, 100]


@pytest.mark.parametrize(
    "trained", [lambda each: each.multiple if each.multiple < 10 else None], indirect=True
)
def test_a_rate_that_failed_ends_the_search_and_is_not_asked_for_again(tmp_path, trained):
    cfg = cfg_of(tmp_path)
    searching.rates(cfg, cfg.searched.regression_encoder, trained.keep)
    assert [row.multiple for row in trained.kept] == [1, 3]


@pytest.mark.parametrize(
    "trained",
    # 16 is the best batch size, and from 128 steps on there is nothing to gain.
    [lambda each: min(each.trial.train.steps, 128) / 1000 - (each.trial.train.batch_size != 16)],
    indirect=True,
)
def test_schedules_are_batch_sizes_first_and_then_longer_ones_of_the_best(tmp_path, trained):
    cfg = cfg_of(tmp_path)
    searching.schedule(cfg, cfg.searched.regression_encoder, [], trained.keep)
    lora = [row for row in trained.kept if row.method == "lora"]
    assert [Schedule(row.steps, row.batch_size) for row in lora] == [
        Schedule(128, 8), Schedule(64, 16), Schedule(32, 32), Schedule(128, 16), Schedule(256, 16),
    ]  # fmt: skip
    assert {row.method for row in trained.kept} == {"lora", "full", "prefix_tuning"}


@pytest.mark.parametrize("trained", [lambda each: 0.5], indirect=True)
def test_a_schedule_is_tried_at_the_rate_that_was_chosen(tmp_path, trained):
    cfg = cfg_of(tmp_path)
    cell = cfg.searched.regression_encoder
    searching.rates(cfg, cell, trained.keep)
    known = [
        Tried(**{**vars(row), "validation": 0.9 if row.multiple == 3 else 0.1})
        for row in trained.kept
    ]
    searching.schedule(cfg, cell, known, trained.keep)
    rates = {row.method: row.learning_rate for row in trained.kept}
    own = {name: shipped()[name].learning_rate for name in ("full", "prefix_tuning")}
    assert rates == {"lora": 6e-3, **own}


@pytest.mark.parametrize("trained", [lambda each: each.multiple / 10], indirect=True)
def test_what_ships_is_tried_at_its_rate_and_schedule_once(tmp_path, trained):
    cfg = cfg_of(tmp_path, "methods=[lora,full]", "further=[]")
    cell = cfg.searched.regression_encoder
    searching.rates(cfg, cell, trained.keep)
    known = trained.kept
    searching.defaults(cfg, cell, known, Schedule(300, 4), trained.keep)
    told = [(row.method, row.multiple, row.steps, row.batch_size) for row in trained.kept]
    assert told == [("lora", 3, 300, 4), ("full", 3, 300, 4)]


@pytest.mark.parametrize("trained", [lambda each: each.trial.seed / 10000], indirect=True)
def test_a_cell_takes_as_many_of_the_seeds_as_it_says(tmp_path, trained):
    cfg = cfg_of(tmp_path, "multiples=[1]", "further=[]", "search_seeds=[1000,1001,1002]")
    cell = cfg.searched.regression_encoder
    for seeds in (1, 3):
        cell.seeds = seeds
        searching.rates(cfg, cell, trained.keep)
        assert [row.seed for row in trained.kept] == [1000, 1001, 1002][:seeds]


@pytest.mark.parametrize("trained", [lambda each: each.trial.train.steps], indirect=True)
def test_a_cell_may_try_schedules_at_other_lengths(tmp_path, trained):
    cell = "classification_decoder"
    cfg = cfg_of(tmp_path, f"searched.{cell}.schedules={{examples: 64, most: 128}}")
    searching.schedule(cfg, cfg.searched[cell], [], trained.keep)
    tried = {Schedule(row.steps, row.batch_size) for row in trained.kept}
    assert tried == {Schedule(8, 8), Schedule(4, 16), Schedule(2, 32), Schedule(16, 8)}


def test_trials_of_a_search_see_the_validation_split_alone(tmp_path):
    cfg = cfg_of(tmp_path)
    asked = searching.asked(cfg, cfg.searched.regression_encoder, "lora", 3, 1000).trial
    assert (asked.stage, asked.train.learning_rate) == ("search", 6e-3)
    assert run_config(cfg).results == tmp_path


def test_a_cell_may_be_trained_longer_than_others(tmp_path):
    cfg = cfg_of(tmp_path)
    longer, other = (
        searching.asked(cfg, cfg.searched[name], "lora", 1, 1000).trial.train.steps
        for name in ("tokens_encoder", "classification_encoder_decoder")
    )
    assert longer > other == 64


def test_what_learns_late_is_trained_longer_where_a_cell_says_so(tmp_path):
    cfg = cfg_of(tmp_path)
    cell = cfg.searched.regression_encoder
    late, other = (
        searching.asked(cfg, cell, method, 1, 1000).trial.train
        for method in ("prefix_tuning", "lora")
    )
    assert "prefix_tuning" in cfg.slow
    assert late.steps * late.batch_size > other.steps * other.batch_size
    again = searching.asked(cfg, cell, "prefix_tuning", 1, 1000, Schedule(32, 8)).trial.train
    assert (again.steps, again.batch_size) == (32, 8)


def test_a_cell_whose_model_is_of_another_family_is_refused():
    cfg = compose(["searched.regression_encoder.family=decoder"], "recipes")
    with pytest.raises(ConfigError, match="searched=regression, decoder"):
        searching.asked(cfg, cfg.searched.regression_encoder, "lora", 3, 1000)
