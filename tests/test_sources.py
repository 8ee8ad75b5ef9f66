"""Trials that build on others: which those are, in what order they run, what fails with them."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from harness import assets, runner, sweep
from harness.config import TrialConfig, identity, run_config, trial_config
from harness.entry import compose
from harness.errors import ConfigError
from harness.isolation import Outcome
from harness.sources import with_sources
from harness.store import read_json

FUSION = ("sweep=smoke", "method=adapter_fusion", "method.adapters=[bbc_news,rotten_tomatoes]")


def fusion(*overrides: str) -> TrialConfig:
    return with_sources(compose([*FUSION, *overrides]))


def test_sources_are_the_trials_that_pfeiffer_has_on_those_tasks():
    given = ["sweep=smoke", "method=pfeiffer", "size=8"]
    expected = [
        trial_config(compose([*given, f"task={t}"])) for t in ("bbc_news", "rotten_tomatoes")
    ]
    assert list(fusion("method.bottleneck_dim=8").sources) == expected


def test_rate_of_the_fusion_is_not_that_of_its_sources():
    found = fusion("train.learning_rate=0.5", "seed=3")
    assert found.train.learning_rate == 0.5
    own = trial_config(compose(["method=pfeiffer"])).train.learning_rate
    assert {source.train.learning_rate for source in found.sources} == {own}
    assert {source.seed for source in found.sources} == {3}


def test_other_sources_make_another_trial_and_none_change_nothing():
    config = fusion()
    ids = {identity(config, "m", "t", sources) for sources in (("a", "b"), ("a", "c"), ())}
    assert len(ids) == 3
    alone = trial_config(compose(["method=lora"]))
    assert identity(alone, "m", "t") == identity(alone, "m", "t", [])
    assert "sources" in alone.as_dict()


@pytest.mark.parametrize(
    "adapters", ["[]", "[bbc_news]", "[bbc_news,bbc_news]", "null", "bbc_news"]
)
def test_fusion_without_adapters_to_fuse_is_refused_at_the_door(adapters):
    with pytest.raises(ConfigError, match=r"method.adapters=.*needs two tasks or more"):
        fusion(f"method.adapters={adapters}")


def test_unknown_task_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=r"method.adapters=bbc_new: .*bbc_news"):
        fusion("method.adapters=[bbc_new,rotten_tomatoes]")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


def identity_of(trial: TrialConfig) -> str:
    model = assets.digest(trial.model.source, "model.source")
    task = assets.digest(trial.task.source, "task.source")
    text = assets.digest(trial.measure.forgetting.text.source)
    return identity(trial, model, task, text_digest=text)


def run(results: Path, *overrides: str) -> dict[str, Any]:
    cfg = compose([*FUSION, f"results={results}", "jobs=2", *overrides])
    return sweep.run_sweep([with_sources(cfg)], run_config(cfg))[0]


@pytest.mark.network
@pytest.mark.slow
class TestFusionOfTwoTasks:
    @pytest.fixture(scope="class")
    def record(self, results) -> dict[str, Any]:
        return run(results)

    def test_it_runs_after_its_sources_which_are_trials_like_any_other(self, record, results):
        assert (record["status"], record["reason"]) == ("ok", None)
        others = [read_json(path) for path in results.glob("*/record.json")]
        found = {(r["method"], r["task"], r["status"]) for r in others if r is not None}
        assert found == {
            ("pfeiffer", "bbc_news", "ok"),
            ("pfeiffer", "rotten_tomatoes", "ok"),
            ("adapter_fusion", "rotten_tomatoes", "ok"),
        }

    def test_it_carries_the_adapters_unchanged_and_trains_attention_alone(self, record, results):
        width, layers, dim = 128, 2, 16
        own = load_file(results / record["trial"] / "weights" / "adapter_model.safetensors")
        sources = [
            load_file(path.parent / "weights" / "adapter_model.safetensors")
            for path in results.glob("*/record.json")
            if (read_json(path) or {})["method"] == "pfeiffer"
        ]
        stored = [tensor for source in sources for tensor in source.values()]
        for tensor in stored:
            same = [t for t in own.values() if t.shape == tensor.shape and (t == tensor).all()]
            assert same, "a frozen adapter moved"
        attention = layers * (3 * width * width + 2 * width)
        adapters = 2 * layers * (2 * width * dim + width + dim)
        counted = record["parameters"]
        assert counted["trainable"] == attention + counted["head"]
        assert counted["adapter"] == attention + adapters
        assert not record["merge"]["mergeable"]

    def test_running_again_does_nothing(self, record, results, monkeypatch):
        monkeypatch.setattr(runner, "Processes", None)
        assert run(results) == record


@pytest.mark.network
@pytest.mark.slow
def test_transfer_is_the_adapter_of_another_task_under_a_head_of_its_own(results):
    given = ["sweep=smoke", "method=transfer", "method.adapter=bbc_news", f"results={results}"]
    cfg = compose(given)
    (record,) = sweep.run_sweep([with_sources(cfg)], run_config(cfg))
    assert (record["status"], record["reason"]) == ("ok", None)
    own = load_file(results / record["trial"] / "weights" / "adapter_model.safetensors")
    source = identity_of(with_sources(cfg).sources[0])
    trained = load_file(results / source / "weights" / "adapter_model.safetensors")
    assert own.keys() == trained.keys()
    assert all((own[name] == trained[name]).all() for name in own)
    assert record["parameters"]["trainable"] == record["parameters"]["head"]
    assert record["training"].get("steps") is None


class Failing:
    """Stands in for the processes: checks pass, plans are empty, and every training fails."""

    def __init__(self, threads: int) -> None:
        self.tasks: list[Any] = []

    def __len__(self) -> int:
        return len(self.tasks)

    def start(self, task: Any) -> None:
        self.tasks.append(task)

    def wait(self) -> Outcome:
        task = self.tasks.pop(0)
        if task.function == "harness.trial:check":
            return Outcome(task.key, "ok", value={"problems": {}, "devices": {"cpu": "cpu"}})
        assert not task.arguments["sources"], "the fusion was started without its sources"
        if task.arguments["phase"] == "plan":
            return Outcome(task.key, "ok")
        assert task.arguments["phase"] == "train"
        return Outcome(task.key, "diverged", reason="the loss is nan at step 2")

    def kill(self, key: str) -> None: ...

    def stop(self) -> None: ...


@pytest.mark.network
def test_fusion_falls_with_its_sources_and_says_with_which(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "Processes", Failing)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # locks of its own
    record = run(tmp_path)
    assert record["status"] == "failed"
    found = re.fullmatch(r"it builds on trial (\w+), which did not end well", record["reason"])
    assert found
    source = read_json(tmp_path / found[1] / "record.json")
    assert source is not None
    assert (source["method"], source["status"]) == ("pfeiffer", "diverged")
