"""A split as tokens, and any of its examples as a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from harness.errors import ConfigError

if TYPE_CHECKING:
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from harness.task_config import TaskConfig

TENSORS = "encoded.safetensors"
IGNORED = -100
"""The label of a place of which nothing is asked, as torch's cross-entropy has it."""

Rows = list[list[int]]


@dataclass(frozen=True)
class Encoded:
    """Token ids and labels of a split, in the split's order.

    Labels are one number for each example, or several: of each token, or the tokens of an answer.
    """

    input_ids: Rows
    labels: list[int] | list[float] | Rows
    pad_id: int
    pad_left: bool

    def __len__(self) -> int:
        return len(self.input_ids)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each example, special ones counted."""
        return [len(ids) for ids in self.input_ids]

    def batch(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """input_ids and attention_mask [batch, longest of these]; labels [batch], or as the tokens.

        Of int64, and labels that are fractions of float32.
        """
        rows = [self.input_ids[index] for index in indices]
        found = padded(rows, self.pad_id, self.pad_left)
        labels = [self.labels[index] for index in indices]
        if isinstance(labels[0], list):
            found["labels"] = filled(labels, IGNORED, self.pad_left)  # type: ignore[arg-type]
        else:
            found["labels"] = torch.tensor(labels)
        return found

    def write(self, folder: Path) -> None:
        """Keep it for `read`, without the shape of lists that takes long to parse."""
        tensors = {
            "padding": torch.tensor([self.pad_id, self.pad_left]),
            **_flat("input_ids", self.input_ids),
        }
        if self.labels and isinstance(self.labels[0], list):
            tensors |= _flat("labels", self.labels)
        else:
            tensors["labels"] = torch.tensor(self.labels, dtype=_dtype(self.labels))
        save_file(tensors, folder / TENSORS)

    @classmethod
    def read(cls, folder: Path) -> Encoded:
        tensors = load_file(folder / TENSORS)
        pad_id, pad_left = tensors["padding"].tolist()
        labels = (
            _rows("labels", tensors) if "labels.lengths" in tensors else tensors["labels"].tolist()
        )
        return cls(_rows("input_ids", tensors), labels, pad_id, bool(pad_left))


def filled(rows: Rows, value: int, left: bool) -> Tensor:
    """Rows as one tensor [rows, longest], the rest of it `value`."""
    found = torch.full((len(rows), max(map(len, rows))), value)
    for number, row in enumerate(rows):
        found[number, _place(row, left)] = torch.tensor(row)
    return found


def padded(rows: Rows, pad_id: int, left: bool) -> dict[str, Tensor]:
    """input_ids and attention_mask [rows, longest]; both int64."""
    ones = [[1] * len(row) for row in rows]
    return {"input_ids": filled(rows, pad_id, left), "attention_mask": filled(ones, 0, left)}


def pad_id_of(tokenizer: PreTrainedTokenizerBase) -> int:
    """Models that only generate often have no padding token; what is masked may be any token."""
    found = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    return found or 0


def pads_left(tokenizer: PreTrainedTokenizerBase) -> bool:
    return tokenizer.padding_side == "left"


def check_length(task: TaskConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise ConfigError when the tokenizer's model does not take so many tokens."""
    if task.max_length > tokenizer.model_max_length:
        expected = f"the model takes at most {tokenizer.model_max_length} tokens"
        raise ConfigError("task.max_length", task.max_length, expected)


def _place(row: Sequence[int], left: bool) -> slice:
    return slice(-len(row), None) if left and row else slice(len(row))


def _flat(name: str, rows: Rows) -> dict[str, Tensor]:
    return {
        name: torch.tensor([i for row in rows for i in row], dtype=torch.int32),
        f"{name}.lengths": torch.tensor([len(row) for row in rows]),
    }


def _rows(name: str, tensors: dict[str, Tensor]) -> Rows:
    rows = tensors[name].split(tensors[f"{name}.lengths"].tolist())
    return [row.tolist() for row in rows]


def _dtype(labels: Sequence[object]) -> torch.dtype:
    return torch.float64 if any(isinstance(label, float) for label in labels) else torch.int64
