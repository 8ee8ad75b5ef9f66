"""Texts, or pairs of them, as tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.tasks.encoded import Encoded, check_length, pad_id_of, pads_left

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from harness.task_config import TaskConfig


def encode(
    split: Dataset,
    labels: list[int] | list[float],
    task: TaskConfig,
    tokenizer: PreTrainedTokenizerBase,
) -> Encoded:
    """The split's texts, each cut to `task.max_length` tokens; padding comes with the batch.

    The longer text of a pair is cut first. Which text a token is of stands between them, as the
    tokenizer separates pairs, and in no token types: peft's prompts take none, and all methods are
    to read the same. Raises ConfigError when the tokenizer's model does not take so many tokens.
    """
    check_length(task, tokenizer)
    texts = [list(split[column]) for column in ("text", "pair") if column in split.column_names]
    encoded = tokenizer(*texts, truncation=True, max_length=task.max_length, padding=False)
    return Encoded(encoded["input_ids"], labels, pad_id_of(tokenizer), pads_left(tokenizer))
