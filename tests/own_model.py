"""A small random model with a tokenizer and a table of texts, as a user's folder holds them."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tests.backbones import build


def write_model(folder: Path, backbone: str) -> None:
    """A backbone of `tests.backbones`, and a tokenizer of whole words."""
    words = ["[PAD]", "[UNK]", *(f"w{i}" for i in range(80)), "good", "bad"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=64
    ).save_pretrained(folder)
    build(backbone).save_pretrained(folder)


def write_text(file: Path) -> None:
    """Plain text of words that the tokenizer knows."""
    file.write_text(" ".join(f"w{i * i // 7 % 80}" for i in range(1000)))


def own_text(file: Path | str) -> list[str]:
    """Overrides that measure forgetting on it."""
    source = "measure.forgetting.text.source"
    return [f"{source}.kind=path", f"{source}.path={file}"]


def write_table(file: Path) -> None:
    """80 texts of two classes."""
    rows = [f"w{i} w{i // 2} {('bad', 'good')[i % 2]},{i % 2}" for i in range(80)]
    file.write_text("\n".join(["text,label", *rows]))
