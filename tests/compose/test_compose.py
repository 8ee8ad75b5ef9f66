"""What the command line asks for: which trials belong together, and what is refused."""

from __future__ import annotations

import sys

import pytest

from harness import entry
from harness.compose.__main__ import Composition, compositions
from harness.compose.evaluation import check
from harness.errors import ConfigError

TASKS = ("rotten_tomatoes", "bbc_news")


@pytest.fixture
def composed(monkeypatch, tmp_path):
    """The compositions of a command line."""

    def call(*arguments: str) -> list[Composition]:
        monkeypatch.setattr(sys, "argv", ["harness", f"results={tmp_path}", *arguments])
        return compositions(entry.asked("compose").configs)

    return call


def test_trials_are_those_of_the_harness_with_the_same_keys(composed, trial_of):
    keys = ("model=bert_tiny", "method=lora", "size=4", "task.limit.train=64", "seed=3")
    (found,) = composed(*keys)
    assert found.trials == tuple(trial_of(*keys, f"task={task}") for task in TASKS)


def test_preset_gives_its_recipe_and_the_tasks_stay(composed):
    (found,) = composed("sweep=quick", "method=lora", "size=4")
    assert [trial.task.name for trial in found.trials] == list(TASKS)
    assert {trial.train.steps for trial in found.trials} == {96}


def test_sizes_and_seeds_are_compositions_of_their_own(composed):
    found = composed("size=4,8", "seed=0,1")
    assert len(found) == 4
    for composition in found:
        assert [trial.task.name for trial in composition.trials] == list(TASKS)
        assert len({(trial.method.size, trial.seed) for trial in composition.trials}) == 1


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("task=bbc_news", "task=bbc_news: merging takes two tasks or more"),
        ("task=bbc_news,bbc_news", "task=bbc_news: names two of the tasks"),
        ("task=bbc_news,roten_tomatoes", "task=roten_tomatoes: did you mean rotten_tomatoes"),
        ("merge.combination_types=[tise]", "merge.combination_types=tise: did you mean ties"),
        ("merge.weights=[0]", "merge.weights=0: should be greater than 0"),
        ("merge.weights=0.5", "merge.weights=0.5: should be a list in brackets"),
        ("merge.densities=[1.5]", "merge.densities=1.5: should be less than or equal to 1"),
        ("merge.density=[1.5]", "merge.density=.*: is not a known key; did you mean densities"),
    ],
)
def test_wrong_input_is_named(composed, argument, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        composed(argument)


@pytest.mark.network
@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (["task=tomi", "task.metric=perplexity"], "task.metric=perplexity: cannot be averaged"),
        (["method=lora"], None),
        (["method=houlsby"], "method=houlsby: peft merges adapters of type LORA only"),
        (["method=ia3"], "method=ia3: peft merges adapters of type LORA only, not IA3"),
        (["method=full"], "method=full: trains no adapter beside the base"),
        (["method=lora", "size=500"], "method.rank=500: must be at most 128"),
        (
            ["method=lora", "+method.use_dora=true"],
            "method.use_dora=True: peft merges the low-rank",
        ),
        (["method=lora", "+method.use_rslora=true"], "method.use_rslora=True: "),
        (["method=lora", "+method.lora_bias=true"], "method.lora_bias=True: "),
    ],
)
def test_method_that_cannot_be_merged_is_refused_before_any_training(trial_of, overrides, problem):
    found = check(trial_of("model=bert_tiny", *overrides).as_dict())["problem"]
    assert found is None if problem is None else found.startswith(problem)
