"""Configs: what composes, what is the same trial, and what is refused."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.checked import from_plain
from harness.config import LATER, Source, TrialConfig, identity
from harness.entry import CONF, compose
from harness.errors import ConfigError
from harness.search import UNMEASURED
from harness.sources import with_sources

COMMIT = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"
METHODS = sorted(path.stem for path in (CONF / "method").glob("*.yaml"))


@pytest.mark.parametrize("method", METHODS)
def test_every_shipped_method_composes_under_its_own_name(trial_of, method):
    assert trial_of(f"method={method}").method.name == method


@pytest.mark.parametrize("group", ["model", "task"])
def test_every_shipped_model_and_task_composes_under_its_own_name(trial_of, group, tmp_path):
    for path in (CONF / group).glob("*.yaml"):
        # What a user brings is called as it is there.
        own = {
            "hub": ("model.repo=org/hub", f"model.revision={COMMIT}"),
            "path": ("model.path=path",),
        }
        if "path: ???" in path.read_text("utf-8") and group == "task":
            made = "task.files={train: train}" if path.stem == "dataset" else "task.files=null"
            own[path.stem] = (f"task.path={tmp_path}/{path.stem}.x", "task.kind=regression", made)
        if (group, path.stem) == ("task", "hub"):  # its files say the format
            own["hub"] = (
                *("task.repo=org/hub", f"task.revision={COMMIT}", "task.format=csv"),
                *("task.files={train: a.csv}", "task.kind=regression"),
            )
        assert getattr(trial_of(f"{group}={path.stem}", *own.get(path.stem, ())), group).name == (
            path.stem
        )


def test_model_that_is_given_no_name_has_that_of_its_folder_or_repository(trial_of):
    for own, name in (
        ("model.path=models/mine/", "mine"),
        ("model.path=models/mine model.name=another", "another"),
    ):
        assert trial_of("model=path", *own.split()).model.name == name


def test_branch_of_the_hub_is_the_commit_that_it_stands_for(trial_of, monkeypatch):
    asked = []

    def model_info(api, repo, revision):
        asked.append((repo, revision))
        return SimpleNamespace(sha=COMMIT)

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", model_info)
    of_branch = trial_of("model=hub", "model.repo=org/one").model
    of_commit = trial_of("model=hub", "model.repo=org/one", f"model.revision={COMMIT}").model
    assert of_branch == of_commit
    assert (of_branch.name, of_branch.source.revision) == ("one", COMMIT)
    assert asked == [("org/one", "main")]


def test_branch_of_the_hub_without_a_network_says_what_to_do(trial_of):
    with pytest.raises(ConfigError) as error:
        trial_of("model=hub", "model.repo=org/two", "model.revision=v1")
    said = str(error.value)
    assert said.startswith("model.revision=v1: its commit cannot be asked for: ")
    assert said.endswith(
        "offline mode is enabled. To disable it, please unset the `HF_HUB_OFFLINE` environment"
        " variable; give the commit of a fetched one, or fetch it where the hub can be reached,"
        " and use model=path model.path=..."
    )


@pytest.mark.parametrize(
    ("method", "field"),
    [
        ("lora", "rank"),
        ("houlsby", "bottleneck_dim"),
        ("prompt_tuning", "num_virtual_tokens"),
    ],
)
def test_size_sets_the_methods_own_field(trial_of, method, field):
    config = trial_of(f"method={method}", "size=5").method
    assert (config.size, config.options[field]) == (5, 5)
    assert config == trial_of(f"method={method}", f"method.{field}=5").method


def test_lora_keeps_its_scale_over_ranks(trial_of):
    assert [trial_of(f"size={r}").method.options["lora_alpha"] for r in (4, 16)] == [8, 32]


def test_learning_rate_is_the_methods_unless_the_recipe_says_otherwise(trial_of):
    assert trial_of("method=ia3").train.learning_rate == 1e-2
    assert trial_of("method=ia3", "train.learning_rate=1e-3").train.learning_rate == 1e-3


class TestIdentity:
    def of(self, config: TrialConfig, model: str = "m", task: str = "t") -> str:
        return identity(config, model, task)

    def test_a_default_spelled_out_is_the_same_trial(self, trial_of):
        spelled = trial_of("method=lora", "size=8", "method.lora_alpha=16", "train.clip_norm=1.0")
        assert self.of(spelled) == self.of(trial_of())

    def test_sizes_of_a_method_without_size_are_one_trial(self, trial_of):
        assert self.of(trial_of("method=ia3", "size=4")) == self.of(trial_of("method=ia3"))

    def test_where_and_how_it_runs_is_not_part_of_it(self, trial_of):
        same = trial_of("results=elsewhere", "jobs=3", "timeout=5", "debug=true")
        assert self.of(same) == self.of(trial_of())

    @pytest.mark.parametrize(
        "change",
        ["seed=1", "size=4", "method=houlsby", "model=bert_tiny", "train.steps=151",
         "train.learning_rate=1e-3", "measure.warmups=6", "task.max_length=32",
         "measure.serving.batch_size=4", "measure.serving=null", "measure.new_tokens=null",
         "method.lora_dropout=0.1", "model.dtype=bfloat16", "train.optimizer=sgd",
         "train.accumulation=2", "train.gradient_checkpointing=true", "train.autocast=true",
         "train.adapters_in_float32=false", "train.devices=2"],
    )  # fmt: skip
    def test_anything_else_is_another_trial(self, trial_of, change):
        assert self.of(trial_of(change)) != self.of(trial_of())

    def test_one_device_leaves_ids_and_configs_as_they_were_before_there_could_be_more(
        self, trial_of
    ):
        one = trial_of("device=cpu", "train.devices=1").as_dict()
        assert "devices" not in one["train"]
        assert from_plain(TrialConfig, one).train.devices == 1
        two = trial_of("device=cpu", "train.devices=2")
        assert from_plain(TrialConfig, two.as_dict()) == two
        # A source is a config within the config.
        assert replace(two, sources=(trial_of("device=cpu"),)).as_dict()["sources"] == [one]

    def test_fields_that_came_later_are_part_of_it_where_they_are_set(self, trial_of):
        task = {"pair": "b", "files": {"train": "a"}, "split": "s", "columns": ("a", "b"),
                "skip": 1, "quoting": False, "group_pattern": "(.*)", "max_answer": 4,
                "separator": ";", "stratify": True}  # fmt: skip
        assert task.keys() == LATER["task"].keys()
        beside = {"stratify": {"group": None}}
        trial = trial_of("device=cpu")
        trial = replace(trial, task=replace(trial.task, file="", group="g"))
        changed = [
            replace(trial, task=replace(trial.task, **{name: value, **beside.get(name, {})}))
            for name, value in task.items()
        ]
        assert len({self.of(each) for each in (trial, *changed)}) == len(task) + 1
        for each in changed:
            assert from_plain(TrialConfig, each.as_dict()) == each

    def test_edited_files_are_another_trial(self, trial_of):
        found = {self.of(trial_of()), self.of(trial_of(), task="u"), self.of(trial_of(), model="n")}
        assert len(found) == 3

    def test_it_is_stable_over_releases(self, trial_of):
        # Made by this code. A change here makes every record on people's disks a stranger: raise
        # SCHEMA and say so in the changelog, or do not change it.
        config = trial_of("device=cpu")
        plain = config.as_dict()
        assert from_plain(TrialConfig, plain) == config
        assert len(self.of(config)) == 16
        assert int(self.of(config), 16) >= 0


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("size=0",), "size=0: must be a whole number of at least 1"),
        (("size=1.5",), "size=1.5: must be a whole number of at least 1"),
        (("method.rank=-3",), "method.rank=-3: must be a whole number of at least 1"),
        (("size=4", "method.rank=8"), "size=4: contradicts method.rank=8"),
        (("train.steps=0",), "train.steps=0: should be greater than or equal to 1"),
        (("train.optimizer=adam",), "train.optimizer=adam: should be 'adamw', 'sgd', 'adafactor'"),
        (
            ("train.batch_size=6", "train.accumulation=4"),
            "train.accumulation=4: must divide train.batch_size=6",
        ),
        (("model.dtype=float16",), "model.dtype=float16: should be 'float32' or 'bfloat16'"),
        (
            ("model.dtype=bfloat16", "train.autocast=true"),
            "train.autocast=True: computes with weights in float32; model.dtype=bfloat16 is not",
        ),
        (
            ("train.batch_size=6", "train.accumulation=3", "train.devices=4"),
            "train.devices=4: must be at most 2, the texts computed at once",
        ),
        (
            ("train.devices=2", "train.optimizer=adamw_8bit"),
            "train.optimizer=adamw_8bit: takes no pieces of tensors: adamw or sgd, or devices=1",
        ),
        (("train.warmup=1.5",), "train.warmup=1.5: should be less than 1"),
        (("task.validation=2",), "task.validation=2: should be less than 1"),
        (("task.metric=acuracy",), "task.metric=acuracy: should be 'accuracy', 'macro_f1'"),
        (
            ("task.metric=spearman",),
            "task.metric=spearman: does not score kind=classification, which takes accuracy, macro",
        ),
        (("measure.new_tokens=1",), "measure.new_tokens=1: should be greater than or equal to 2"),
        (
            ("measure.serving.adapters=[0]",),
            "measure.serving.adapters=0: should be greater than or equal to 1",
        ),
        (("seed=-1",), "seed=-1: should be greater than or equal to 0"),
        (("seed=9223372036854775808",), "seed=9223372036854775808: should be less than"),
        (("device=tpu",), "device=tpu: should be 'cpu' or 'cuda'"),
        (("measure.capacity.classes=1",), "measure.capacity.classes=1: should be greater than or"),
        (("task=csv",), "task.path=.*: needs a value"),
        (("measure.forgetting.passages=3",), "measure.forgetting.passages=3: should be greater"),
        (("measure.energy_seconds=0",), "measure.energy_seconds=0.*: should be greater than 0"),
        (("model.source.kind=hub",), "model.source.repo=None: needed for kind=hub"),
    ],
)
def test_wrong_value_is_refused_by_field_value_and_what_is_right(trial_of, overrides, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        trial_of(*overrides)


def test_unknown_field_is_refused():
    with pytest.raises(ConfigError, match="pth=x: is not a known field"):
        from_plain(Source, {"kind": "path", "path": "x", "pth": "x"})


def test_config_survives_the_way_through_plain_values(trial_of):
    for method in METHODS:
        config = trial_of(f"method={method}")
        assert from_plain(TrialConfig, config.as_dict()) == config


def test_configs_are_all_commented_with_what_they_are():
    for path in Path(CONF).glob("*/*.yaml"):
        if path.parent.name in ("method", "sweep", "task"):
            assert "# " in path.read_text().split("\nname:")[0], path


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("measure.batch_sizes=[8,8]", "measure.batch_sizes=[8, 8]: names a size twice"),
        ("measure.batch_sizes=[]", "measure.batch_sizes=[]: "),
        ("measure.serving.adapters=[]", "measure.serving.adapters=[]: "),
    ],
)
def test_what_cannot_be_timed_is_refused_at_the_door(trial_of, override, problem):
    with pytest.raises(ConfigError, match=re.escape(problem)):
        trial_of(override)


@pytest.mark.parametrize(
    "overrides",
    [
        ("method=lora", "size=4", "seed=3"),
        ("method=adapter_fusion", "method.adapters=[bbc_news,rotten_tomatoes]"),
        ("method=peft/vera", "method.vera_dropout=1e-5"),
        ("method=peft/adalora", "train.learning_rate=1", "task.drop={category: [x, 'ü']}"),
        ("model=path", "model.path=/nowhere", "method.target_modules=[query,value]"),
    ],
)
def test_plain_values_are_those_that_json_makes_of_the_fields(overrides):
    trial = with_sources(compose([*overrides, "device=cpu"]))
    for each in (trial, replace(trial, stage="search", measure=UNMEASURED)):
        # What ids were made of since the first record: text for text.
        expected = json.loads(json.dumps(asdict(each)))
        for one in (expected, *expected["sources"]):
            for group, defaults in LATER.items():
                assert {name: one[group].pop(name) for name in defaults} == defaults
        assert json.dumps(each.as_dict()) == json.dumps(expected)
