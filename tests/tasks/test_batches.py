"""Tokens, padding, and an order of batches that depends on nothing but the seed."""

from __future__ import annotations

import random
from itertools import islice

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from harness.assets import fetch
from harness.checked import from_plain
from harness.config import ModelConfig
from harness.errors import ConfigError
from harness.tasks.batches import LengthBuckets, longest_first
from harness.tasks.data import load
from harness.tasks.encoded import Encoded
from harness.tasks.texts import encode
from tests.shipped import shipped
from tests.tasks.conftest import MakeTask

LENGTHS = random.Random(0).choices(range(3, 61), k=1003)


def padded_share(batches: list[list[int]]) -> float:
    """Share of the positions that hold no token."""
    lengths = [[LENGTHS[index] for index in batch] for batch in batches]
    return 1 - sum(map(sum, lengths)) / sum(max(batch) * len(batch) for batch in lengths)


def test_every_example_comes_once_per_epoch() -> None:
    buckets = LengthBuckets(LENGTHS, 16, seed=0)
    for epoch in range(3):
        batches = buckets.epoch(epoch)
        assert sorted(index for batch in batches for index in batch) == list(range(1003))
        assert sorted(map(len, batches))[:-1] == [11] + [16] * 61


def test_the_order_is_the_seeds_own() -> None:
    first = list(islice(LengthBuckets(LENGTHS, 16, seed=1), 150))
    np.random.seed(5)
    torch.manual_seed(5)
    torch.rand(7)
    assert list(islice(LengthBuckets(LENGTHS, 16, seed=1), 150)) == first
    assert list(islice(LengthBuckets(LENGTHS, 16, seed=2), 150)) != first


def test_epochs_follow_each_other_without_end_and_differ() -> None:
    buckets = LengthBuckets(LENGTHS, 16, seed=0)
    drawn = list(islice(buckets, 63 * 3))
    assert drawn == buckets.epoch(0) + buckets.epoch(1) + buckets.epoch(2)
    assert buckets.epoch(0) != buckets.epoch(1)


def test_texts_of_like_length_share_a_batch() -> None:
    order = random.Random(1).sample(range(1003), 1003)
    unsorted = [order[i : i + 16] for i in range(0, 1003, 16)]
    assert padded_share(unsorted) > 0.4
    assert padded_share(LengthBuckets(LENGTHS, 16, seed=0).epoch(0)) < 0.03


def test_lengths_do_not_come_in_order() -> None:
    # A run from short to long would teach lengths in place of labels.
    longest = [max(LENGTHS[i] for i in batch) for batch in LengthBuckets(LENGTHS, 16, 0).epoch(0)]
    assert abs(np.corrcoef(longest, range(len(longest)))[0, 1]) < 0.4


def test_the_longest_come_first() -> None:
    batches = longest_first(LENGTHS, 16)
    flat = [index for batch in batches for index in batch]
    assert sorted(flat) == list(range(1003))
    lengths = [LENGTHS[index] for index in flat]
    assert lengths == sorted(LENGTHS, reverse=True)


@pytest.mark.parametrize("pad_left", [False, True])
def test_a_batch_is_padded_to_its_longest(pad_left: bool) -> None:
    encoded = Encoded([[5], [6, 7, 8], [9, 1]], [0, 1, 0], pad_id=99, pad_left=pad_left)
    batch = encoded.batch([2, 0])
    padded = [[9, 1], [99, 5]] if pad_left else [[9, 1], [5, 99]]
    assert batch["input_ids"].tolist() == padded
    assert batch["attention_mask"].tolist() == [[1, 1], [0, 1] if pad_left else [1, 0]]
    assert batch["labels"].tolist() == [0, 0]
    assert {tensor.dtype for tensor in batch.values()} == {torch.int64}


@pytest.mark.network
def test_encoding_is_the_tokenizers_own(task_of: MakeTask) -> None:
    folder = fetch(from_plain(ModelConfig, shipped("model", "bert_tiny")).source)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    rows = [[f"good {'very ' * (i % 9)}{i}", ("bad", "good")[i % 2], ""] for i in range(60)]
    task = task_of(rows, max_length=8)
    train = load(task).train
    encoded = encode(train, list(train["label"]), task, tokenizer)
    assert max(encoded.lengths) == 8
    assert encoded.labels == train["label"][:]
    expected = tokenizer(
        train["text"][:5], truncation=True, max_length=8, padding=True, return_tensors="pt"
    )
    batch = encoded.batch(range(5))
    assert torch.equal(batch["input_ids"], expected["input_ids"])
    assert torch.equal(batch["attention_mask"], expected["attention_mask"])
    with pytest.raises(ConfigError, match=r"^task\.max_length=513: the model takes at most 512"):
        encode(train, list(train["label"]), task_of(rows, max_length=513), tokenizer)
