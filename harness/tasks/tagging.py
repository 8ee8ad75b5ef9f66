"""One tag for each word of a text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from torch import Tensor, nn

from harness.errors import ConfigError
from harness.models import TaskModel
from harness.tasks.encoded import IGNORED, Encoded, check_length, pad_id_of, pads_left
from harness.tasks.kind import Kind, cross_entropy, finite
from harness.training import Batch, inputs

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from harness.config import ModelConfig
    from harness.task_config import TaskConfig
    from harness.tasks.data import TaskData

OUTSIDE = "O"


class Tagging(Kind):
    """A linear head from the state of each token to logits [batch, length, tags].

    A word's tag is read at its first token (Devlin et al. 2019, arXiv 1810.04805, section 5.3).
    Words that `task.max_length` cuts off get the tag of what is no entity, and count.
    """

    def __init__(self, task: TaskConfig, data: TaskData, model: ModelConfig) -> None:
        super().__init__(task, data, model)
        self.outputs = len(data.labels)

    def encode(self, split: Dataset, tokenizer: PreTrainedTokenizerBase) -> Encoded:
        check_length(self.task, tokenizer)
        if not tokenizer.is_fast:
            expected = "its tokenizer does not say which word a token is of; it needs a fast one"
            raise ConfigError("model", self.model.name, expected)
        sentences = list(split["text"])
        encoded = tokenizer(
            [" ".join(words) for words in sentences],
            truncation=True,
            max_length=self.task.max_length,
            return_offsets_mapping=True,
        )
        labels = [
            _at_first_tokens(words, spans, tags)
            for words, spans, tags in zip(
                sentences, encoded["offset_mapping"], split["label"], strict=True
            )
        ]
        return Encoded(encoded["input_ids"], labels, pad_id_of(tokenizer), pads_left(tokenizer))

    def under(self, head: nn.Module, backbone: nn.Module) -> TaskModel:
        return TaskModel(backbone, head, pooling=None)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy in nats over the words, of labels [batch, length]."""
        return cross_entropy(logits, labels)

    def answers(self, model: TaskModel, batch: Batch) -> list[list[str] | None]:
        """The likeliest tag of each word that was not cut off."""
        logits = model(**inputs(batch))
        numbers, asked = logits.argmax(dim=-1), batch["labels"] != IGNORED
        rows = zip(numbers, asked, finite(logits), strict=True)
        return [self._named(row[at].tolist()) if whole else None for row, at, whole in rows]

    def whole(self, answers: Sequence[list[str]], split: Dataset) -> list[list[str]]:
        """Words that were cut off are said to be outside of all entities."""
        cut = zip(answers, split["text"], strict=True)
        return [[*tags, *[OUTSIDE] * (len(words) - len(tags))] for tags, words in cut]

    def references(self, split: Dataset) -> list[list[str]]:
        return [self._named(tags) for tags in split["label"]]

    def read(self, model: TaskModel, batch: Batch) -> list[tuple[Tensor, Tensor]]:
        states = model.features(batch["input_ids"], batch["attention_mask"])
        rows = zip(states, batch["labels"], strict=True)
        return [(s[y != IGNORED].cpu(), y[y != IGNORED].cpu()) for s, y in rows]

    def _named(self, numbers: Sequence[int]) -> list[str]:
        return [self.data.labels[number] for number in numbers]


def _at_first_tokens(
    words: Sequence[str], spans: Sequence[tuple[int, int]], tags: Sequence[int]
) -> list[int]:
    """The tag of each word at the first token that has a character of it, and else IGNORED.

    `spans` are the tokens' places in the words joined by spaces. A token may begin with the space
    before its word. Raises ConfigError for a word that the tokenizer passes over.
    """
    ends = [end - 1 for end in accumulate(len(word) + 1 for word in words)]
    found, word = [], 0
    for start, end in spans:
        if word < len(words) and ends[word] <= start:
            expected = "is a word of which the tokenizer makes no token; leave it out of the data"
            raise ConfigError("task.text", repr(words[word]), expected)
        first = end > start and word < len(words) and (end - 1) >= ends[word] - len(words[word])
        found.append(tags[word] if first else IGNORED)
        word += first
    return found
