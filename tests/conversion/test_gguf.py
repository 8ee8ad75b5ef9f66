"""A decoder in llama.cpp's format, converted: the same model, and no longer called quantised."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from gguf.quants import dequantize, quantize
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from harness.assets import digest, fetch
from harness.checked import from_plain
from harness.config import ModelConfig, Source
from harness.errors import AssetError
from harness.models import architecture, load_backbone, load_tokenizer
from tests.shipped import shipped

HEADS, KEY_HEADS, WIDTH, INNER, WORDS, CONTEXT = 4, 2, 64, 96, 40, 32
# Of transformers and of llama.cpp.
NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm", "model.embed_tokens": "token_embd",
    "model.norm": "output_norm", "model.layers": "blk",
}  # fmt: skip


def written(file: Path) -> LlamaForCausalLM:
    """A small random Llama, written in blocks of four bits; its weights are those of the blocks."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=WORDS, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=2,
        num_attention_heads=HEADS, num_key_value_heads=KEY_HEADS, max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    writer = gguf.GGUFWriter(str(file), "llama")
    writer.add_block_count(2)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(WORDS)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["<|end|>", "AB", *(chr(ord("A") + i) for i in range(WORDS - 2))])
    writer.add_token_merges(["A B"])
    writer.add_eos_token_id(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            _write(writer, name, weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


def _write(writer: gguf.GGUFWriter, name: str, weight: torch.nn.Parameter) -> None:
    rows = weight.numpy()
    if weight.ndim == 2:
        blocks = quantize(rows, gguf.GGMLQuantizationType.Q4_1)
        weight.copy_(torch.from_numpy(dequantize(blocks, gguf.GGMLQuantizationType.Q4_1)))
        rows = weight.numpy()
    heads = {"q_proj": HEADS, "k_proj": KEY_HEADS}.get(name.split(".")[-2])
    if heads:  # llama.cpp rotates neighbours, transformers halves
        rows = rows.reshape(heads, 2, -1, WIDTH).swapaxes(1, 2).reshape(rows.shape)
    for own, other in NAMES.items():
        name = name.replace(own, other)
    if weight.ndim == 2:
        kind = gguf.GGMLQuantizationType.Q4_1
        writer.add_tensor(name, quantize(np.ascontiguousarray(rows), kind), raw_dtype=kind)
    else:
        writer.add_tensor(name, rows)


@pytest.mark.slow
def test_converted_model_says_what_the_blocks_of_four_bits_say(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "given").mkdir()
    original = written(tmp_path / "given" / "small.gguf")
    source = Source("path", path=str(tmp_path / "given"), convert="gguf")
    folder = fetch(source)
    assert (folder / "model.safetensors").is_file()
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())
    found = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokens = torch.randint(WORDS, (2, 11), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(found(tokens).logits, original(tokens).logits)
    tokenizer = load_tokenizer(ModelConfig("small", source, "last"))
    assert tokenizer.model_max_length == CONTEXT
    assert tokenizer("ABC").input_ids == [1, 4]
    assert fetch(source) == folder


@pytest.mark.slow
def test_folder_without_the_format_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "given").mkdir()
    with pytest.raises(AssetError) as error:
        fetch(Source("path", path=str(tmp_path / "given"), convert="gguf"))
    told = "given: cannot be converted from gguf: 0 files *.gguf, expected one"
    assert str(error.value).endswith(told)
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]


@pytest.fixture(scope="module")
def smollm2() -> ModelConfig:
    return from_plain(ModelConfig, shipped("model", "smollm2"))


@pytest.mark.network
@pytest.mark.slow
def test_smollm2_is_the_model_that_plans_are_made_of(smollm2):
    folder = fetch(smollm2.source)
    started = time.perf_counter()
    assert fetch(smollm2.source) == folder
    backbone = load_backbone(smollm2)
    assert time.perf_counter() - started < 5  # seconds; converting takes 20 and more
    planned = architecture(smollm2).to_dict()
    for name in ("rope_parameters", "num_key_value_heads", "head_dim", "intermediate_size"):
        assert backbone.config.to_dict()[name] == planned[name]
    assert sum(each.numel() for each in backbone.parameters()) == 134_515_008
    tokenizer = load_tokenizer(smollm2)
    assert tokenizer.model_max_length == 8192
    assert (tokenizer.pad_token_id, tokenizer.padding_side) == (2, "right")


@pytest.mark.network
@pytest.mark.slow
def test_smollm2_speaks_english(smollm2):
    model = AutoModelForCausalLM.from_pretrained(fetch(smollm2.source)).eval()
    tokenizer = load_tokenizer(smollm2)
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}],
        add_generation_prompt=True, return_tensors="pt", return_dict=True,
    )  # fmt: skip
    said = model.generate(**asked, max_new_tokens=16, do_sample=False)
    assert "Paris" in tokenizer.decode(said[0, asked["input_ids"].shape[1] :])

    def perplexity(text: str) -> float:
        ids = tokenizer(text, return_tensors="pt").input_ids
        with torch.no_grad():
            return model(input_ids=ids, labels=ids).loss.exp().item()

    sentence = "The river was high after the rain, and nobody was allowed to play near the water."
    words = sentence.split()
    random.Random(0).shuffle(words)
    assert perplexity(sentence) < 100
    assert perplexity(" ".join(words)) > 1000


def test_another_conversion_is_another_model(tmp_path, monkeypatch):
    (tmp_path / "a.gguf").write_bytes(b"")
    plain, converted = (Source("path", path=str(tmp_path), convert=kind) for kind in (None, "gguf"))
    first = digest(converted)
    assert first != digest(plain)
    monkeypatch.setattr("harness.assets.conversion.VERSIONS", {"gguf": 2})
    assert digest(converted) != first
