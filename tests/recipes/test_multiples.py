"""Whose multiple a trial's learning rate takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from harness.config import trial_config
from harness.entry import CONF, compose
from harness.errors import ConfigError
from harness.recipes.multiples import FAMILIES, REPRESENTATIVES, family_of, rate
from harness.sources import with_sources

MULTIPLES = {
    "classification": {"encoder_decoder": {"full": 10.0}},
    "regression": {"encoder": {"lora": 3.0, "dora": 10.0}},
}


def cell(method: str, role: str, kind: str = "regression", family: str | None = "encoder"):
    return OmegaConf.create(
        {
            "task": {"kind": kind},
            "model": {"family": family},
            "method": {"name": method, "family": role},
        }
    )


def folder(tmp_path: Path, content: object) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(content), "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("cfg", "expected"),
    [
        (cell("lora", "low_rank"), 6e-3),
        (cell("dora", "low_rank"), 2e-2),
        (cell("peft/vera", "low_rank"), 6e-3),  # the family's, from lora
        (cell("mine", "other"), 2e-3),
        (cell("ia3", "rescale"), 2e-3),
        (cell("lora", "low_rank", family="decoder"), 2e-3),
        (cell("lora", "low_rank", family=None), 2e-3),
        (cell("lora", "low_rank", kind="tokens"), 2e-3),
        # What was not searched is as classification by the same family of models.
        (cell("full", "full", kind="generation", family="encoder_decoder"), 2e-2),
    ],
)
def test_rate_is_the_methods_own_times_what_its_cell_says(cfg, expected):
    assert rate(2e-3, cfg, MULTIPLES) == expected


def test_an_own_rate_without_multiple_is_kept_to_the_last_digit():
    assert rate(1.23456e-3, cell("mine", "other"), MULTIPLES) == 1.23456e-3


@pytest.mark.parametrize("path", sorted((CONF / "method").glob("*.yaml")), ids=lambda p: p.stem)
def test_classification_by_an_encoder_runs_at_the_rate_in_the_methods_file(path):
    written = OmegaConf.load(path).learning_rate
    assert trial_config(compose([f"method={path.stem}"])).train.learning_rate == written


def test_adapters_that_a_trial_builds_on_learn_at_the_rate_of_their_own_kind_of_task():
    for model in ("minilm", "flan_t5_small"):
        fused = with_sources(compose(["method=adapter_fusion", "task=stsb", f"model={model}"]))
        (rate,) = {source.train.learning_rate for source in fused.sources}
        alone = trial_config(compose(["method=pfeiffer", "task=bbc_news", f"model={model}"]))
        assert rate == alone.train.learning_rate


def test_a_rate_that_is_no_number_is_refused_by_name(trial_of):
    with pytest.raises(ConfigError, match=r"train.learning_rate=fast: "):
        trial_of("task=stsb", "method.learning_rate=fast")


def test_every_shipped_model_says_its_family():
    for path in (CONF / "model").glob("*.yaml"):
        said = OmegaConf.load(path).family
        assert said in FAMILIES or path.stem in ("path", "hub"), path


def test_family_is_no_part_of_a_trial(trial_of):
    assert "family" not in trial_of().as_dict()["model"]
    # Own values of what follows from it, so that nothing but the family differs.
    fixed = "train.learning_rate=1e-3", "train.steps=8", "train.batch_size=8"
    assert trial_of("model.family=decoder", *fixed) == trial_of(*fixed)


def test_an_unknown_family_is_refused_by_name(trial_of):
    with pytest.raises(ConfigError, match=r"model.family=bert.*encoder, decoder, encoder_decoder"):
        trial_of("model.family=bert")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"is_encoder_decoder": True, "architectures": ["T5ForConditionalGeneration"]},
         "encoder_decoder"),
        ({"architectures": ["LlamaForCausalLM"]}, "decoder"),
        ({"architectures": ["GPT2LMHeadModel"]}, "decoder"),
        ({"architectures": ["BertForMaskedLM"]}, "encoder"),
        ({"architectures": ["BertModel"]}, "encoder"),
        ({"architectures": None}, None),
        ({}, None),
        ([], None),
    ],
)  # fmt: skip
def test_a_folder_is_what_its_config_json_says(tmp_path, content, expected):
    place = folder(tmp_path, content)
    cfg = compose(["model=path", f"model.path={place}"])
    assert family_of(cfg) == expected


def test_what_is_said_of_a_folder_goes_before_what_it_says(tmp_path):
    place = folder(tmp_path, {"architectures": ["BertModel"]})
    cfg = compose(["model=path", f"model.path={place}", "model.family=decoder"])
    assert family_of(cfg) == "decoder"


def test_a_folder_that_is_not_there_composes_and_is_told_later(tmp_path):
    cfg = compose(["model=path", f"model.path={tmp_path / 'absent'}"])
    assert family_of(cfg) is None
    assert trial_config(cfg).train.learning_rate == 2e-3


def test_every_family_of_methods_has_its_representative(trial_of):
    for family, method in REPRESENTATIVES.items():
        assert trial_of(f"method={method}").method.family == family
