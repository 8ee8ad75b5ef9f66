"""A text that answers a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from harness.errors import ConfigError
from harness.language_model import LanguageTaskModel, OutputHeads, greedy, start_of
from harness.models import TaskModel, load_tokenizer
from harness.tasks.encoded import IGNORED, Encoded, check_length, filled, pad_id_of, padded
from harness.tasks.kind import Answer, Kind, cross_entropy
from harness.training import Batch, inputs

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from harness.config import ModelConfig
    from harness.task_config import TaskConfig
    from harness.tasks.data import TaskData

PERPLEXITY = "perplexity"


class Generation(Kind):
    """The model's own output embedding says an answer, token by token.

    A decoder goes on from the prompt; an encoder-decoder reads it and says the answer. Only the
    answer's tokens and its end are learned.
    """

    def __init__(self, task: TaskConfig, data: TaskData, model: ModelConfig) -> None:
        super().__init__(task, data, model)
        self._heads = OutputHeads(model)
        self.outputs = self._heads.config.vocab_size

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        return load_tokenizer(self.model)

    @property
    def _end(self) -> int:
        """The token that ends an answer; raises ConfigError for a model that has none."""
        found = self._tokenizer.eos_token_id
        if not isinstance(found, int):
            expected = "its tokenizer names no token that ends a text (eos_token)"
            raise ConfigError("model", self.model.name, expected)
        return found

    def encode(self, split: Dataset, tokenizer: PreTrainedTokenizerBase) -> Encoded:
        """Prompts of at most `task.max_length` tokens, of which the last are kept: a question
        stands at the end. Answers are cut to `task.max_answer` tokens, their end among them.
        """
        check_length(self.task, tokenizer)
        reads = self._heads.config.is_encoder_decoder
        side, tokenizer.truncation_side = tokenizer.truncation_side, "left"
        prompts = tokenizer(list(split["text"]), truncation=True, max_length=self.task.max_length)
        tokenizer.truncation_side = side
        # What a decoder says stands apart from the prompt, as words do.
        texts = [text if reads else f" {text}" for text in split["label"]]
        answers = tokenizer(texts, add_special_tokens=False)["input_ids"]
        most = self.task.max_answer - 1
        ended = [[*ids[:most], self._end] for ids in answers]
        rows = prompts["input_ids"]
        if not reads:  # some tokenizers end every text, and here it goes on
            rows = [ids[:-1] if ids[-1] == self._end else ids for ids in rows]
        return Encoded(rows, ended, pad_id_of(tokenizer), pad_left=False)

    def batch(self, encoded: Encoded, indices: Sequence[int]) -> Batch:
        """Prompts with their answers as they are learned.

        `labels` [batch, places] are the answers' tokens. A decoder says them at the places `asked`
        [batch, places] of its text, an encoder-decoder after each of `decoder_input_ids`.
        """
        prompts = [encoded.input_ids[index] for index in indices]
        answers: list[list[int]] = [encoded.labels[index] for index in indices]  # type: ignore[misc]
        if self._heads.config.is_encoder_decoder:
            found = padded(prompts, encoded.pad_id, left=False)
            starts = [[start_of(self._heads.config), *answer[:-1]] for answer in answers]
            found["decoder_input_ids"] = filled(starts, encoded.pad_id, left=False)
        else:
            pairs = list(zip(prompts, answers, strict=True))
            # The last token is said and not read.
            found = padded([p + a[:-1] for p, a in pairs], encoded.pad_id, left=False)
            places = [list(range(len(p) - 1, len(p) + len(a) - 1)) for p, a in pairs]
            found["asked"] = filled(places, 0, left=False)
        return {**found, "labels": filled(answers, IGNORED, left=False)}

    def lengths(self, encoded: Encoded) -> list[int]:
        answers = [len(answer) for answer in encoded.labels]  # type: ignore[arg-type]
        return [p + a for p, a in zip(encoded.lengths, answers, strict=True)]

    def head(self, backbone: nn.Module, seed: int) -> nn.Module:
        """The model's own; nothing of it is drawn."""
        return self._heads.of(backbone)

    def under(self, head: nn.Module, backbone: nn.Module) -> TaskModel:
        return LanguageTaskModel(backbone, head)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy in nats over the answers' tokens, of labels [batch, places]."""
        return cross_entropy(logits, labels)

    def answers(self, model: TaskModel, batch: Batch) -> list[Answer | None]:
        """What the model says; for perplexity the nats that the right answer costs it."""
        if self.task.metric == PERPLEXITY:
            return self._nats(model, batch)
        assert isinstance(model, LanguageTaskModel)
        pad_id = pad_id_of(self._tokenizer)
        said = greedy(model, self._prompts(batch), self.task.max_answer, self._end, pad_id)
        return [None if ids is None else self._told(ids) for ids in said]

    def references(self, split: Dataset) -> list[Answer]:
        if self.task.metric == PERPLEXITY:
            return [len(answer) for answer in self.encode(split, self._tokenizer).labels]  # type: ignore[arg-type]
        return list(split["label"])

    def constant(self, split: Dataset) -> list[Answer] | None:
        """The most frequent answer; none for perplexity, which is of no answer's text."""
        if self.task.metric == PERPLEXITY:
            return None
        ((commonest, _),) = Counter(self.data.train["label"]).most_common(1)
        return [commonest] * len(split)

    def read(self, model: TaskModel, batch: Batch) -> list[tuple[Tensor, Tensor]]:
        """Raises ConfigError: the output embedding is the model's, and no head of a task's."""
        expected = "trains a head alone, and a task of kind=generation has none: take another"
        raise ConfigError("method", "head", expected)

    def _nats(self, model: TaskModel, batch: Batch) -> list[float | None]:
        logits, labels = model(**inputs(batch)).double(), batch["labels"]
        each = nn.functional.cross_entropy(
            logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none"
        )
        sums = each.view(labels.shape).sum(1)
        return [nats if isfinite(nats) else None for nats in sums.tolist()]

    def _prompts(self, batch: Batch) -> list[list[int]]:
        """The prompts of a batch, without the answers that follow them there."""
        kept = batch["attention_mask"].bool()
        if not self._heads.config.is_encoder_decoder:
            # The first place that is asked is the prompt's last.
            places = torch.arange(kept.shape[1], device=kept.device)
            kept = kept & (places <= batch["asked"][:, :1])
        rows = zip(batch["input_ids"], kept, strict=True)
        return [ids[at].tolist() for ids, at in rows]

    def _told(self, ids: list[int]) -> str:
        text = self._tokenizer.decode(ids, skip_special_tokens=True)
        assert isinstance(text, str)
        return text.strip()
