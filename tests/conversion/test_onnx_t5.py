"""A T5 as graphs of eight bits, converted: the same model, with an output embedding of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models
from transformers import AutoModelForSeq2SeqLM, T5Config, T5ForConditionalGeneration

from harness.assets import fetch
from harness.checked import from_plain
from harness.config import ModelConfig, Source
from harness.errors import AssetError, ConfigError
from harness.models import architecture, load_backbone, load_tokenizer
from tests.shipped import shipped

WORDS = 24
ARCHITECTURE = {
    "model_type": "t5", "vocab_size": WORDS, "d_model": 16, "d_kv": 4, "d_ff": 24,
    "num_layers": 2, "num_decoder_layers": 2, "num_heads": 4, "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False, "decoder_start_token_id": 0,
}  # fmt: skip


def written(folder: Path) -> T5ForConditionalGeneration:
    """A small random T5, written in eight bits as an exporter does; its weights are those."""
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(T5Config.from_dict(ARCHITECTURE)).eval()
    model.lm_head.weight = torch.nn.Parameter(torch.randn(WORDS, 16))
    encoder, decoder = _Graph(), _Graph()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name == "shared.weight":
                encoder.table("enc.embed_tokens.weight", weight)
                decoder.table("m.shared.weight", weight)
            elif name.startswith("encoder."):
                encoder.add("enc." + name.removeprefix("encoder."), weight)
            else:
                decoder.add("m." + name, weight)
    encoder.save(folder / "encoder.onnx")
    decoder.save(folder / "decoder.onnx")
    words = {f"w{i}": i for i in range(3, WORDS)} | {"<pad>": 0, "</s>": 1, "<unk>": 2}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.enable_truncation(1)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(folder / "tokenizer.json"))
    return model


class _Graph:
    """What quantising an exported module leaves of it, as far as its weights go."""

    def __init__(self) -> None:
        self.initializers: list[TensorProto] = []
        self.nodes: list[onnx.NodeProto] = []

    def add(self, name: str, weight: torch.nn.Parameter) -> None:
        if weight.ndim == 1:
            self.initializers.append(numpy_helper.from_array(weight.numpy(), name))
        elif "relative_attention_bias" in name:
            self.table(name, weight)
        else:
            number = f"onnx::MatMul_{len(self.nodes)}"
            scale = weight.abs().max() / 127
            whole = (weight / scale).round().to(torch.int8)
            weight.copy_(whole * scale)
            self._quantised(number, whole.T.contiguous().numpy(), np.int8(0), scale)
            place = "/" + name.removesuffix(".weight").replace(".", "/").replace("block/", "block.")
            self._node("MatMulInteger", number, f"{place}/MatMul_quant")

    def table(self, name: str, weight: torch.nn.Parameter) -> None:
        zero, scale = 100, (weight.abs().max() / 100).clone()
        whole = ((weight / scale).round() + zero).to(torch.uint8)
        weight.copy_((whole.float() - zero) * scale)
        self._quantised(name, whole.numpy(), np.uint8(zero), scale)
        self._node("Gather", name, f"/{name}/Gather")

    def _quantised(self, stem: str, whole: np.ndarray, zero: np.generic, scale: object) -> None:
        parts = {"quantized": whole, "scale": np.float32(scale), "zero_point": zero}
        for part, value in parts.items():
            self.initializers.append(numpy_helper.from_array(np.asarray(value), f"{stem}_{part}"))

    def _node(self, kind: str, stem: str, name: str) -> None:
        inputs = ["x", f"{stem}_quantized"]
        self.nodes.append(helper.make_node(kind, inputs, [f"{name}_out"], name=name))

    def save(self, file: Path) -> None:
        graph = helper.make_graph(self.nodes, "g", [], [], initializer=self.initializers)
        onnx.save(helper.make_model(graph), file)


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "given").mkdir()
    return tmp_path / "given"


def source_of(folder: Path, **architecture: object) -> Source:
    fields = {**ARCHITECTURE, **architecture}
    return Source("path", path=str(folder), architecture=fields, convert="onnx_t5")


@pytest.mark.slow
def test_converted_model_says_what_the_graphs_of_eight_bits_say(given: Path):
    original = written(given)
    source = source_of(given)
    folder = fetch(source)
    found, told = AutoModelForSeq2SeqLM.from_pretrained(folder, output_loading_info=True)
    assert not any(told.values())
    assert found.lm_head.weight is not found.shared.weight
    tokens = torch.randint(3, WORDS, (2, 7), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        said = found.eval()(input_ids=tokens, decoder_input_ids=tokens.flip(1)).logits
        expected = original(input_ids=tokens, decoder_input_ids=tokens.flip(1)).logits
    torch.testing.assert_close(said, expected)
    tokenizer = load_tokenizer(ModelConfig("small", source, "mean"))
    assert tokenizer(["w3", "w4"]).input_ids == [[3], [4]]  # neither cut nor filled up
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (0, 1)


@pytest.mark.slow
def test_weights_of_another_architecture_are_one_line(given: Path):
    written(given)
    with pytest.raises(AssetError) as error:
        fetch(source_of(given, num_layers=3))
    told = "cannot be converted from onnx_t5: Error(s) in loading state_dict for T5"
    assert told in str(error.value)
    assert "encoder.block.2" in str(error.value)


def test_library_that_is_missing_is_named_with_its_extra(given: Path, monkeypatch):
    monkeypatch.setattr("harness.extras.find_spec", lambda name: None)
    with pytest.raises(ConfigError) as error:
        fetch(source_of(given), "model.source")
    assert str(error.value) == (
        "model.source.convert=onnx_t5: needs onnx, which is not installed:"
        " pip install 'peft-harness[onnx]'"
    )


@pytest.mark.network
@pytest.mark.slow
def test_flan_t5_is_the_model_that_plans_are_made_of_and_speaks():
    config = from_plain(ModelConfig, shipped("model", "flan_t5_small"))
    folder = fetch(config.source)
    model, told = AutoModelForSeq2SeqLM.from_pretrained(folder, output_loading_info=True)
    assert not any(told.values())
    assert sum(each.numel() for each in model.eval().parameters()) == 76_961_152
    own, planned = load_backbone(config).config.to_dict(), architecture(config).to_dict()
    for name in ("d_kv", "d_ff", "num_heads", "scale_decoder_outputs", "dense_act_fn"):
        assert own[name] == planned[name]
    kept = json.loads((folder / "tokenizer.json").read_text())
    assert kept["truncation"] is kept["padding"] is None
    tokenizer = load_tokenizer(config)
    asked = tokenizer("translate English to German: The house is small.", return_tensors="pt")
    said = model.generate(**asked, max_new_tokens=16, do_sample=False)
    assert tokenizer.decode(said[0], skip_special_tokens=True).startswith("Das Haus ist klein")

    def loss(answer: str) -> float:
        labels = tokenizer(answer, return_tensors="pt").input_ids
        with torch.no_grad():
            return model(**asked, labels=labels).loss.item()

    assert loss("Das Haus ist klein.") < 2 < 4 < loss("klein ist Haus Das.")
