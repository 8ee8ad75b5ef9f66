"""What a model's folder may hold: weights and settings; code, pickles and adapters are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.config import ModelConfig, Source
from harness.errors import ConfigError
from harness.models import load_backbone, load_tokenizer, outline
from tests.backbones import build
from tests.own_model import write_model

MODULE = """
from pathlib import Path
Path(__file__).with_name("ran").touch()
raise SystemExit("code of the model's folder was run")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model with a module beside it that leaves a trace when it is imported."""
    write_model(tmp_path, "bert")
    (tmp_path / "custom.py").write_text(MODULE)
    return tmp_path


def model(folder: Path) -> ModelConfig:
    return ModelConfig("mine", Source("path", path=str(folder)), "mean")


def change(file: Path, **settings: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


def refused(folder: Path, load: Callable[[ModelConfig], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load(model(folder))
    assert str(caught.value).startswith("model.source=")
    assert str(caught.value).isprintable()
    assert not (folder / "ran").exists()


AUTO_MAP = {"AutoConfig": "custom.Config", "AutoModel": "custom.Model"}


@pytest.mark.parametrize("load", [load_backbone, outline, load_tokenizer])
@pytest.mark.parametrize(
    "settings",
    [
        {"auto_map": AUTO_MAP},
        {"auto_map": AUTO_MAP, "model_type": "own"},
        {"auto_map": {"AutoModel": "somebody/repository--custom.Model"}},
        {"text_config": {"auto_map": AUTO_MAP}},
        {"attn_implementation": "somebody/kernel"},
        {"_attn_implementation": {"": "sdpa", "text_config": "somebody/kernel:attention"}},
    ],
)
def test_config_that_names_code_is_refused(folder, load, settings):
    change(folder / "config.json", **settings)
    refused(folder, load, r"config\.json: names code that would be run \(.*custom|kernel")


@pytest.mark.parametrize("auto_map", [["custom.Tokenizer", None], {"AutoTokenizer": "custom.T"}])
def test_tokenizer_that_names_code_is_refused(folder, auto_map):
    change(folder / "tokenizer_config.json", auto_map=auto_map, tokenizer_class="Tokenizer")
    refused(folder, load_tokenizer, r"tokenizer_config\.json: names code .*custom")
    refused(folder, load_backbone, r"tokenizer_config\.json: names code .*custom")


def test_class_of_a_tokenizer_that_transformers_lacks_runs_nothing(folder):
    change(folder / "tokenizer_config.json", tokenizer_class="custom.Tokenizer")
    try:
        found = load_tokenizer(model(folder))
    except ConfigError:
        pass
    else:
        assert type(found).__module__.startswith("transformers.")
    assert not (folder / "ran").exists()


def test_settings_without_code_are_taken(folder):
    change(folder / "config.json", attn_implementation="eager", auto_map={})
    assert load_backbone(model(folder)).config._attn_implementation == "eager"


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt"])
def test_weights_that_are_pickled_alone_are_refused(folder, name):
    torch.save(build("bert").state_dict(), folder / name)
    (folder / "model.safetensors").unlink()
    refused(folder, load_backbone, r"holds no \*\.safetensors; pickles are not loaded")


def test_pickle_named_like_weights_is_refused(folder):
    torch.save(build("bert").state_dict(), folder / "model.safetensors")
    with pytest.raises(Exception, match="header"):
        load_backbone(model(folder))


def test_adapter_beside_the_model_is_refused(folder):
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "somebody/other"}')
    refused(folder, load_backbone, r"holds an adapter \(adapter_config\.json\)")


@pytest.mark.parametrize("content", ["", "[1]", "{", "\udcff"])
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_settings_that_are_no_json_object_are_refused(folder, name, content):
    (folder / name).write_text(content, errors="surrogateescape")
    refused(folder, load_backbone, rf"{name}: (is no JSON file|must hold one JSON object)")
