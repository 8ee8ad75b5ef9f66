"""A tag for each word: where it is read, and what becomes of words that are cut off."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from harness.assets import fetch
from harness.checked import from_plain
from harness.config import ModelConfig
from harness.errors import ConfigError
from harness.task_config import TaskConfig
from harness.tasks.data import TaskData
from harness.tasks.encoded import IGNORED
from harness.tasks.tagging import Tagging
from tests.shipped import shipped
from tests.tasks.test_classification import MODEL, Fixed

WORDS = [
    ["U.N.", "official", "Ekeus", "heads", "for", "Baghdad", "."],
    ["internationalisation", "of", "München-Gladbach"],
    ["(", "9", "p.m.", ")"],
]
TAGS = [[1, 0, 2, 0, 0, 3, 0], [0, 0, 3], [0, 0, 0, 0]]
LABELS = ("O", "B-ORG", "B-PER", "B-LOC")


def split(words: list[list[str]] = WORDS, tags: list[list[int]] = TAGS) -> Dataset:
    ids = [str(i) for i in range(len(words))]
    return Dataset.from_dict({"text": words, "label": tags, "id": ids})


def tagging(max_length: int = 64) -> Tagging:
    plain = shipped("task", "conll2003") | {"max_length": max_length}
    data = TaskData(split(), split(), split(), LABELS, {})
    return Tagging(from_plain(TaskConfig, plain), data, MODEL)


@pytest.fixture
def bert() -> PreTrainedTokenizerFast:
    folder = fetch(from_plain(ModelConfig, shipped("model", "bert_tiny")).source)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


@pytest.mark.network
def test_a_tag_stands_at_its_words_first_token(bert: PreTrainedTokenizerFast) -> None:
    encoded = tagging().encode(split(), bert)
    # transformers' own alignment, of words that it is given one by one.
    expected = bert(WORDS, is_split_into_words=True)
    assert encoded.input_ids == expected["input_ids"]
    for row, labels in enumerate(encoded.labels):
        seen: set[int | None] = {None}
        for word, label in zip(expected.word_ids(row), labels, strict=True):
            assert label == (IGNORED if word in seen else TAGS[row][word])
            seen.add(word)


def test_a_token_may_begin_with_the_space_before_its_word() -> None:
    vocabulary = {
        c: i for i, c in enumerate(["<unk>", *sorted(set("ĠacdhefinoNUukslEBgr.()9pmüM-b"))])
    }
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<unk>")
    encoded = tagging().encode(split([["ab", "c"]], [[2, 3]]), fast)
    assert len(encoded.labels[0]) == 4  # a, b, the space, c
    assert [label for label in encoded.labels[0] if label != IGNORED] == [2, 3]
    assert encoded.labels[0][0] == 2


@pytest.mark.network
def test_words_that_are_cut_off_are_no_entities_and_count(bert: PreTrainedTokenizerFast) -> None:
    kind = tagging(max_length=4)
    encoded = kind.encode(split(), bert)
    batch = kind.batch(encoded, [0, 1, 2])
    logits = torch.zeros(*batch["labels"].shape, len(LABELS))
    logits[..., 1] = 1
    given = kind.answers(Fixed(logits), batch)
    # [CLS] u . n [SEP] is one word, and the long words of the second sentence fill it.
    assert [len(tags) for tags in given] == [1, 1, 2]
    whole = kind.whole(given, split())
    assert whole[2] == ["B-ORG", "B-ORG", "O", "O"]
    assert [len(tags) for tags in whole] == [len(words) for words in WORDS]


@pytest.mark.network
def test_the_loss_is_of_first_tokens_alone(bert: PreTrainedTokenizerFast) -> None:
    kind = tagging()
    batch = kind.batch(kind.encode(split(), bert), [2, 0, 1])
    logits = torch.randn(*batch["labels"].shape, 4, generator=torch.Generator().manual_seed(0))
    log_p = logits.log_softmax(-1)
    each = [
        -log_p[row, place, label].item()
        for row, labels in enumerate(batch["labels"].tolist())
        for place, label in enumerate(labels)
        if label != IGNORED
    ]
    assert len(each) == sum(map(len, TAGS))
    assert kind.loss(logits, batch["labels"]).item() == pytest.approx(sum(each) / len(each))


@pytest.mark.network
def test_a_word_without_a_token_is_refused(bert: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^task\.text='\\u200b': is a word of which the token"):
        tagging().encode(split([["a", "\u200b", "b"]], [[0, 0, 0]]), bert)
