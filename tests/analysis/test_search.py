from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis.search import Search, search_failures, searches, unsearched
from harness.analysis.study import Study, studies
from harness.rungs import budget, chosen, rates
from harness.search_config import SearchConfig
from harness.store import load
from tests import records
from tests.searches import final, search

SHORT = {1e-4: 0.5, 3e-4: 0.6, 1e-3: 0.7, 3e-3: 0.65, 1e-2: None}
LONG = {1e-3: 0.72, 3e-3: 0.75}


def study_of(tmp_path: Path, *groups: list[dict]) -> Study:
    made = [record for group in groups for record in group]
    (study,) = studies(load(records.write(tmp_path / "results", made)))
    return study


def only(study: Study) -> Search:
    (found,) = searches(study)
    return found


def test_trials_of_a_search_are_no_entries_failures_or_figures(tmp_path):
    finals = [*final("lora", 8, 3e-3), records.record("head", None)]
    alone = study_of(tmp_path / "alone", finals)
    study = study_of(tmp_path / "both", finals, search("lora", 8, {33: SHORT, 100: LONG}),
                     search("head", None, {33: SHORT}))  # fmt: skip
    told, expected = (
        {e.label: (e.trials, e.seeds, e.figures) for e in each.entries} for each in (study, alone)
    )
    assert told == expected
    assert study.failures == alone.failures == ()
    assert study.floor is not None
    assert len(study.floor.trials) == 1
    assert study.environments == alone.environments
    assert len(study.searched) == 5 + 2 + 5


def test_a_study_of_searches_alone_has_no_entry(tmp_path):
    study = study_of(tmp_path, search("lora", 8, {33: SHORT}))
    assert (study.model, study.task, study.entries) == ("minilm", "rotten_tomatoes", ())
    assert only(study).chosen == 1e-3
    assert only(study).entry is None


def test_the_longest_rung_chooses_and_the_final_entry_is_found(tmp_path):
    study = study_of(tmp_path, search("lora", 8, {33: SHORT, 100: LONG}), final("lora", 8, 3e-3))
    found = only(study)
    assert (found.label, found.chosen, found.validation) == ("lora 8", 3e-3, 0.75)
    assert found.entry is study.entries[0]
    assert found.at_edge is None
    assert found.spread == pytest.approx(0.7 - 0.5)
    assert (found.trials, found.failed) == (7, 1)
    assert found.examples == 16 * (5 * 33 + 2 * 100)


@pytest.mark.parametrize(
    ("scores", "end"),
    [
        ({1e-4: 0.7, 1e-3: 0.6, 1e-2: 0.5}, "low"),
        ({1e-4: 0.5, 1e-3: 0.6, 1e-2: 0.7}, "high"),
        ({1e-4: 0.5, 1e-3: 0.7, 1e-2: None}, None),
    ],
)
def test_the_edge_is_that_of_all_rates_and_not_of_the_last_rung(tmp_path, scores, end):
    best = max(scores, key=lambda rate: scores[rate] or 0.0)
    long = {best: 0.7, 1e-3: 0.6} if best != 1e-3 else {best: 0.7, 1e-4: 0.6}
    study = study_of(tmp_path, search("lora", 8, {33: scores, 100: long}))
    assert only(study).at_edge == end


def test_seeds_of_a_search_count_by_their_mean_and_one_that_fails_fails_the_rate(tmp_path):
    study = study_of(
        tmp_path,
        search("lora", 8, {50: {1e-3: 0.6, 1e-2: 0.5, 1e-1: 0.9}}, seed=1),
        search("lora", 8, {50: {1e-3: 0.6, 1e-2: 0.8, 1e-1: None}}, seed=2),
    )
    found = only(study)
    assert found.widest.scores == {1e-3: 0.6, 1e-2: pytest.approx(0.65), 1e-1: None}
    assert (found.chosen, found.seeds, found.failed) == (1e-2, (1, 2), 1)


def test_sizes_and_options_are_searches_of_their_own(tmp_path):
    study = study_of(
        tmp_path,
        search("lora", 4, {100: {1e-3: 0.6, 1e-2: 0.5}}),
        search("lora", 16, {100: {1e-3: 0.5, 1e-2: 0.6}}),
        final("lora", 4, 1e-3),
        final("lora", 16, 1e-2),
    )
    found = {one.label: one.chosen for one in searches(study)}
    assert found == {"lora 4": 1e-3, "lora 16": 1e-2}


def test_final_trials_of_two_lengths_have_each_what_was_tried_up_to_theirs(tmp_path):
    longer = {"config__train__steps": 300, "training__steps": 300}
    study = study_of(
        tmp_path,
        search("lora", 8, {100: {1e-3: 0.6, 1e-2: 0.5}, 300: {1e-3: 0.6, 1e-2: 0.8}}),
        final("lora", 8, 1e-3),
        final("lora", 8, 1e-2, **longer),
    )
    found = {one.chosen: one.entry for one in searches(study)}
    assert {rate: entry and entry.recipe["train.steps"] for rate, entry in found.items()} == {
        1e-3: 100,
        1e-2: 300,
    }


def test_entries_that_no_search_chose_a_rate_for_are_told_without_the_head(tmp_path):
    head = records.record("head", None)
    for column in ("steps", "learning_rate"):
        del head["training"][column]  # it is fitted, not trained by steps
    study = study_of(
        tmp_path,
        search("lora", 8, {100: {1e-3: 0.6, 1e-2: 0.5}}),
        final("lora", 8, 1e-3),
        final("lora", 8, 2e-3),
        final("ia3", None, 1e-2),
        [head],
    )
    found = searches(study)
    told = {entry.label for entry in unsearched(study, found)}
    assert told == {"lora 8 (learning_rate=0.002)", "ia3"}
    assert found[0].label == "lora 8 (learning_rate=0.001)"


def test_failures_of_a_search_name_the_rate_and_those_left_out_are_none(tmp_path):
    left_out = records.skipped(method="ia3", stage="search")
    study = study_of(tmp_path, search("lora", 8, {33: SHORT}), [left_out])
    (failure,) = search_failures(study)
    assert failure.label == "search of lora 8 at learning rate 0.01, 33 steps"
    assert (failure.status, failure.reason) == ("diverged", "the loss is nan at step 3")
    assert [one.label for one in searches(study)] == ["lora 8"]


def test_the_report_chooses_as_the_search_did_and_counts_what_it_spent(tmp_path, trial_of):
    config = SearchConfig(0.1, 10, 9, 3, None, (1000,))
    recipe = trial_of("train.steps=90", "train.batch_size=16").train
    grid, plan = rates(config, recipe.learning_rate), budget(config, recipe)
    first = {rate: 0.5 + 0.01 * (place % 5) for place, rate in enumerate(grid)}
    last = dict.fromkeys(sorted(first, key=lambda r: -first[r])[:3], 0.6)
    study = study_of(tmp_path, search("lora", 8, {30: first, 90: last}))
    assert only(study).chosen == chosen([first, last], grid)
    assert (only(study).trials, only(study).examples) == (plan.trials, plan.examples)


def test_adapters_that_a_method_builds_on_differ_by_seed_and_make_no_other_entry(tmp_path):
    made = [records.record("lora", 8, seed) for seed in (0, 1)]
    for record in made:
        record["config"]["sources"] = [{"task": "bbc_news", "seed": record["seed"]}]
    (entry,) = study_of(tmp_path, made).entries
    assert (entry.label, entry.seeds) == ("lora 8", (0, 1))
