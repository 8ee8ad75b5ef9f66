"""Small tasks of every kind, and small models of every family with a tokenizer of whole words."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from tests.backbones import VOCABULARY, build

WORDS = ["[PAD]", "[UNK]", "[BOS]", "[END]", *(f"w{i}" for i in range(60)), "good", "bad"]
KINDS = {
    "classification": "accuracy",
    "regression": "spearman",
    "tokens": "entity_f1",
    "generation": "exact_match",
}


def write_language_model(name: str, folder: Path) -> None:
    """A backbone of `tests.backbones` under the output embedding that its family has."""
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", eos_token="[END]",
        model_max_length=64,
    ).save_pretrained(folder)  # fmt: skip
    torch.manual_seed(5)
    whole = _whole(name)
    # Drawn as they are, all answers would be the same token.
    for parameter in whole.parameters():
        parameter.data += torch.randn_like(parameter) / 5
    whole.save_pretrained(folder)


def _whole(name: str) -> PreTrainedModel:
    if name == "two_embeddings":  # a T5 whose output embedding is another than that of its inputs
        config = T5Config.from_dict({**build("t5").config.to_dict(), "tie_word_embeddings": False})
        found = T5ForConditionalGeneration(config)
        found.lm_head.weight = torch.nn.Parameter(torch.randn(VOCABULARY, config.d_model) / 5)
        return found
    config = build(name).config
    auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    return (AutoModel if name == "bert" else auto).from_config(config)


def write_task(kind: str, file: Path) -> list[str]:
    """80 examples in JSON lines; the overrides that name them."""
    rows = [_row(kind, number) for number in range(80)]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return [
        "task=jsonl", f"task.path={file}", "task.text=text", "task.label=label",
        f"++task.kind={kind}", f"++task.metric={KINDS[kind]}", "task.max_length=12",
        *(["++task.pair=pair"] if kind == "regression" else []),
    ]  # fmt: skip


def _row(kind: str, number: int) -> dict[str, object]:
    words = [f"w{number % 60}", f"w{number // 2}", ("bad", "good")[number % 2]]
    text = " ".join(words)
    if kind == "tokens":
        return {"text": words, "label": ["O", "O", ("B-X", "B-Y")[number % 2]]}
    if kind == "regression":
        return {"text": text, "pair": f"w{number // 3}", "label": number % 2 + number / 100}
    return {"text": text, "label": ("no", "yes")[number % 2] if kind != "generation" else words[2]}
