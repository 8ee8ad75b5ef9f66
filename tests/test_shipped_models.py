"""Architectures that plans are made of: those that ship, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import transformers

from harness import sweep
from harness.assets.source import Source
from harness.config import ModelConfig, RunConfig
from harness.entry import CONF
from harness.errors import ConfigError
from harness.models import outline
from tests.shipped import shipped

# As the models' own pages state them, of the weights that they publish; of a RoBERTa without the
# 514 position numbers that its file holds beside them, and of BERT its masked language model:
# 110,106,428 less the pooler and the classifier of sentence pairs. GPT-3: table D.1 of its paper.
PUBLISHED = {
    "bert_base": ("MaskedLM", 110_106_428 - 768 * 768 - 768 - 2 * 768 - 2),
    "flan_t5_small": ("Seq2SeqLM", 76_961_152),
    "gpt2_medium": ("CausalLM", 354_823_168),
    "gpt3_175b": ("CausalLM", 174_600_000_000),
    "llama2_7b": ("CausalLM", 6_738_415_616),
    "llama3_1_70b": ("CausalLM", 70_553_706_496),
    "llama3_1_8b": ("CausalLM", 8_030_261_248),
    "llama3_2_3b": ("CausalLM", 3_212_749_824),
    "mistral_7b": ("CausalLM", 7_241_732_096),
    "qwen2_5_7b": ("CausalLM", 7_615_616_512),
    "roberta_base": ("MaskedLM", 124_697_947 - 514),
    "roberta_large": ("MaskedLM", 355_412_571 - 514),
    "smollm2": ("CausalLM", 134_515_008),
    "t5_base": ("Seq2SeqLM", 222_903_552),
}
SHIPPED = sorted(
    path.stem
    for path in (CONF / "model").glob("*.yaml")
    if "architecture" in shipped("model", path.stem)["source"]
)


def made(**architecture: object) -> ModelConfig:
    return ModelConfig("mine", Source("architecture", architecture=architecture), "mean")


@pytest.mark.parametrize("name", SHIPPED)
def test_language_model_has_the_published_number_of_parameters(trial_of, name):
    kind, published = PUBLISHED[name]
    kind = getattr(transformers, f"AutoModelFor{kind}")
    model = outline(trial_of(f"model={name}").model, kind=kind)
    counted = sum(parameter.numel() for parameter in model.parameters())
    # The paper gives GPT-3's in hundreds of millions.
    assert counted == (pytest.approx(published, rel=3e-5) if name == "gpt3_175b" else published)


def test_trial_of_a_model_without_weights_ends_before_anything_is_fetched(
    trial_of, tmp_path: Path, monkeypatch
):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    run = RunConfig(
        tmp_path / "results",
        jobs=1,
        timeout=1.0,
        max_memory=None,
        phases=("train", "measure"),
        retry="failed",
        versions="keep",
        others="wait",
        lease=120,
        occupied="record",
        debug=False,
    )
    with pytest.raises(ConfigError) as error:
        sweep.run_sweep([trial_of("model=llama2_7b")], run)
    assert str(error.value) == (
        "model.source.kind=architecture: has no weights to run: python -m harness.plan says what"
        " it would need, and model=path model.path=FOLDER runs a model from its files"
    )
    assert not (tmp_path / "cache").exists()
    assert not [path for path in (tmp_path / "results").rglob("*") if path.suffix == ".json"]


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({"model_type": "lama"}, "model.source.architecture.model_type=lama: must be a type of"),
        ({"hidden_size": 64}, "model.source.architecture.model_type=None: must be a type of"),
        (
            {"model_type": "llama", "hiden_size": 64},
            "model.source.architecture.hiden_size=64: did you mean hidden_size",
        ),
        (
            {"model_type": "llama", "hidden_size": "wide"},
            "'hidden_size': 'wide'}: cannot be built (TypeError: Field 'hidden_size' expected int",
        ),
        (
            {"model_type": "llama", "hidden_size": 100, "num_attention_heads": 7},
            "'hidden_size': 100, 'num_attention_heads': 7}: cannot be built (ValueError: The hidden"
            " size (100) is not a multiple of the number of attention heads (7)",
        ),
        # Found by the modules, not by the config.
        (
            {"model_type": "bert", "hidden_size": 100, "num_attention_heads": 7},
            "'num_attention_heads': 7}: cannot be built (ValueError: The hidden size (100) is not",
        ),
        (
            {"model_type": "bert", "hidden_act": "gelly"},
            "'hidden_act': 'gelly'}: cannot be built (KeyError: 'gelly')",
        ),
        (
            {"model_type": "llama", "hidden_size": 0},
            "'hidden_size': 0}: cannot be built (ZeroDivisionError:",
        ),
    ],
)
def test_architecture_that_cannot_be_built_is_one_line_that_names_it(architecture, message):
    with pytest.raises(ConfigError) as error:
        outline(made(**architecture))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_rotary_base_of_older_configs_is_taken():
    small = {"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 1}
    config = outline(made(model_type="llama", rope_theta=500_000.0, **small)).config
    assert config.rope_parameters["rope_theta"] == 500_000.0
