"""Texts as tokens, and the order in which they come in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from harness.errors import ConfigError

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

TENSORS = "encoded.safetensors"
POOL = 50
"""Batches sorted together: enough for short texts to meet short ones, few enough to mix."""


@dataclass(frozen=True)
class Encoded:
    """Token ids and class numbers of a split, in the split's order."""

    input_ids: list[list[int]]
    labels: list[int]
    pad_id: int
    pad_left: bool

    def __len__(self) -> int:
        return len(self.input_ids)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each example, special ones counted."""
        return [len(ids) for ids in self.input_ids]

    def batch(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """input_ids and attention_mask [batch, longest of these], labels [batch]; all int64."""
        rows = [self.input_ids[index] for index in indices]
        shape = len(rows), max(map(len, rows))
        input_ids = torch.full(shape, self.pad_id)
        attention_mask = torch.zeros(shape, dtype=torch.int64)
        for row, ids in enumerate(rows):
            place = slice(-len(ids), None) if self.pad_left else slice(len(ids))
            input_ids[row, place] = torch.tensor(ids)
            attention_mask[row, place] = 1
        labels = torch.tensor([self.labels[index] for index in indices])
        return {"input_ids": input_ids, "attention_mask": attention_mask, "labels": labels}

    def write(self, folder: Path) -> None:
        """Keep it for `read`, without the shape of lists that takes long to parse."""
        tensors = {
            "input_ids": torch.tensor(
                [i for ids in self.input_ids for i in ids], dtype=torch.int32
            ),
            "lengths": torch.tensor(self.lengths),
            "labels": torch.tensor(self.labels),
            "padding": torch.tensor([self.pad_id, self.pad_left]),
        }
        save_file(tensors, folder / TENSORS)

    @classmethod
    def read(cls, folder: Path) -> Encoded:
        tensors = load_file(folder / TENSORS)
        rows = tensors["input_ids"].split(tensors["lengths"].tolist())
        pad_id, pad_left = tensors["padding"].tolist()
        input_ids = [row.tolist() for row in rows]
        return cls(input_ids, tensors["labels"].tolist(), pad_id, bool(pad_left))


def encode(split: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
    """The split's texts, each cut to `max_length` tokens; padding comes with the batch.

    Raises ConfigError when the tokenizer's model does not take so many.
    """
    if max_length > tokenizer.model_max_length:
        expected = f"the model takes at most {tokenizer.model_max_length} tokens"
        raise ConfigError("task.max_length", max_length, expected)
    encoded = tokenizer(list(split["text"]), truncation=True, max_length=max_length, padding=False)
    # Models that only generate often have no padding token; what is masked may be any token.
    pad_id = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    pad_left = tokenizer.padding_side == "left"
    return Encoded(encoded["input_ids"], list(split["label"]), pad_id or 0, pad_left)


class LengthBuckets:
    """Endless batches of indices: texts of like length together, in an order that a seed fixes.

    Every example comes once per epoch, in an order that depends on the lengths, the batch size and
    the seed alone, so that all methods see the same data. The last batch of an epoch is smaller
    where the examples do not divide.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        if not len(lengths):
            raise ValueError("no lengths: expected at least one example")
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed

    def __iter__(self) -> Iterator[list[int]]:
        epoch = 0
        while True:
            yield from self.epoch(epoch)
            epoch += 1

    def epoch(self, number: int) -> list[list[int]]:
        """The batches of one epoch."""
        generator = np.random.default_rng([self.seed, number])
        order = generator.permutation(len(self.lengths))
        pool = POOL * self.batch_size
        batches: list[list[int]] = []
        for start in range(0, len(order), pool):
            together = order[start : start + pool]
            together = together[np.argsort(self.lengths[together], kind="stable")]
            batches += _cut(together, self.batch_size)
        return [batches[place] for place in generator.permutation(len(batches))]


def longest_first(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Every index once, in batches from the longest texts to the shortest.

    For evaluation, where it pads least, and for memory, where it shows the peak in the first batch.
    """
    return _cut(np.argsort(-np.asarray(lengths), kind="stable"), batch_size)


def _cut(order: np.ndarray, batch_size: int) -> list[list[int]]:
    return [order[i : i + batch_size].tolist() for i in range(0, len(order), batch_size)]
