"""What a trial works with: its data as batches, and its models in the forms that are compared."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from harness import store, tasks
from harness.adapting import for_inference, for_training
from harness.compiling import as_written, compile_calls
from harness.config import TrialConfig
from harness.isolation import Failure
from harness.measure.device import Device, device_for
from harness.methods import Method, NotMergeable, Trained, load_method
from harness.models import TaskModel, load_backbone, load_tokenizer
from harness.tasks.batches import LengthBuckets, longest_first
from harness.tasks.data import TaskData
from harness.tasks.encoded import Encoded
from harness.tasks.kind import Kind
from harness.tasks.prepared import Prepared
from harness.tasks.quality import Quality, outcomes, quality_of
from harness.training import Batch

T = TypeVar("T")
WEIGHTS = "weights"
HEAD = "head.safetensors"


class Workbench:
    """Builds, on demand, whatever one trial needs.

    `folder` is the trial's own, and `sources` those of the trials that it builds on; `prepared` is
    where data is kept that other phases and trials read too.
    """

    def __init__(
        self,
        trial: TrialConfig,
        folder: Path,
        sources: Sequence[Path] = (),
        prepared: Path | None = None,
    ) -> None:
        self.trial = trial
        self._prepared = Prepared(prepared, trial)
        self.folder = folder
        self.weights = folder / WEIGHTS
        trained = [
            Trained(source.task.name, source.method, place / WEIGHTS)
            for source, place in zip(trial.sources, sources, strict=True)
        ]
        self.method: Method = load_method(trial.method, trained)
        self.device: Device = device_for(trial.device)
        self._encoded: dict[str, Encoded] = {}

    @cached_property
    def data(self) -> TaskData:
        return self._prepared.data()

    @cached_property
    def kind(self) -> Kind:
        trial = self.trial
        return tasks.load_kind(trial.task.kind)(trial.task, self.data, trial.model)

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        return load_tokenizer(self.trial.model)

    def encoded(self, split: str) -> Encoded:
        """The split's texts as tokens; several passes of a trial ask for the same split."""
        if split not in self._encoded:

            def make() -> Encoded:
                return self.kind.encode(getattr(self.data, split), self.tokenizer)

            self._encoded[split] = self._prepared.encoded(split, make)
        return self._encoded[split]

    def training_batches(self) -> Iterator[Batch]:
        """Endless batches in the order that the seed fixes."""
        encoded = self.encoded("train")
        size = self.trial.train.batch_size
        for indices in LengthBuckets(self.kind.lengths(encoded), size, self.trial.seed):
            yield self._on_device(self.kind.batch(encoded, indices))

    def longest_batch(self) -> Batch:
        """The training batch that needs the most memory."""
        encoded = self.encoded("train")
        first = longest_first(self.kind.lengths(encoded), self.trial.train.batch_size)[0]
        return self._on_device(self.kind.batch(encoded, first))

    def run(self, call: Callable[[Batch], list[T]], split: str) -> list[T]:
        """What `call` gives for each example of a split, in its order."""
        encoded = self.encoded(split)
        found: dict[int, T] = {}
        with torch.inference_mode():
            # Batches go from long to short, where they pad least.
            for at in longest_first(encoded.lengths, self.trial.train.eval_batch_size):
                rows = call(self._on_device(self.kind.batch(encoded, at)))
                found |= zip(at, rows, strict=True)
        return [found[place] for place in range(len(encoded))]

    def score(self, model: TaskModel, split: str) -> tuple[dict[str, Any], Quality]:
        """What the model answers in a split, example by example, and its quality there.

        Raises Failure where its answers are not finite.
        """
        model.eval()
        with as_written():
            given = self.run(lambda batch: self.kind.answers(model, batch), split)
        if lost := sum(answer is None for answer in given):
            told = f"the answers to {lost} of {len(given)} {split} examples are not finite"
            raise Failure("diverged", told)
        examples, metric = getattr(self.data, split), self.trial.task.metric
        answers, right = self.kind.whole(given, examples), self.kind.references(examples)
        quality = quality_of(metric, answers, right, self.kind.constant(examples))
        if not isfinite(quality.value):
            raise Failure("diverged", f"{metric} on {split} is {quality.value}")
        return outcomes(metric, list(examples["id"]), answers, right), quality

    def requests(self, batch_size: int) -> Batch:
        """Requests of a fixed shape without padding, the same for every method."""
        shape = (batch_size, self.trial.measure.sequence_length)
        vocabulary = len(self.tokenizer)
        generator = torch.Generator().manual_seed(self.trial.seed)
        input_ids = torch.randint(vocabulary, shape, generator=generator)
        return self._on_device(
            {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}
        )

    def base(self) -> TaskModel:
        """The backbone as it was downloaded, under the trained head."""
        return self.headed(load_backbone(self.trial.model))

    def headed(self, backbone: nn.Module) -> TaskModel:
        """Any backbone, adapted or not, under the trained head, for inference."""
        return self._assembled(backbone, trained_head=True).eval()

    def fresh(self, device: str | None = None) -> TaskModel:
        """The adapted model before training; the seed fixes what starts at random.

        It lies on the trial's device, if no other is given.
        """
        model = self._assembled(self.fresh_backbone(), trained_head=False, device=device)
        if self.trial.train.compile:
            compile_calls(model)
        return model.train()

    def fresh_backbone(self) -> nn.Module:
        """The same without a head, which needs no task."""
        torch.manual_seed(self.trial.seed)
        return for_training(self.method, self._backbone(), self.trial.train)

    def restored(self) -> TaskModel:
        """The adapted model as `save` left it, for inference."""
        return self.headed(self.restored_backbone()).requires_grad_(False)

    def restored_backbone(self) -> nn.Module:
        """The same without a head, which needs no task."""
        return for_inference(self.method, self._backbone(), self.weights, self.trial.train)

    def merged(self, model: TaskModel) -> TaskModel:
        """`model` with its update in the weights; raises NotMergeable."""
        backbone = self.method.merge(model.backbone)
        return self.kind.under(model.head, backbone).eval()

    def merged_copy(self) -> TaskModel | None:
        """A merged model beside any other; None where the method has no merged form."""
        try:
            return self.merged(self.restored())
        except NotMergeable:
            return None

    def save(self, model: TaskModel) -> None:
        """Write the weights beside their place and move them there whole, whoever dies when."""
        fresh, former = (self.folder / f".{WEIGHTS}-{uuid4().hex[:8]}" for _ in range(2))
        fresh.mkdir(parents=True)
        self.method.save(model.backbone, fresh)
        trained = {n: p.detach() for n, p in model.head.named_parameters() if p.requires_grad}
        save_file(trained, fresh / HEAD)
        for written in (*fresh.iterdir(), fresh):
            store.settle(written)
        if self.weights.exists():  # of a training whose part was lost
            self.weights.rename(former)
        fresh.rename(self.weights)
        store.settle(self.folder)
        shutil.rmtree(former, ignore_errors=True)

    def stored(self) -> tuple[int, int]:
        """(parameters, bytes) of the files that hold what the method trained, head left out."""
        files = [path for path in self.weights.glob("*.safetensors") if path.name != HEAD]
        parameters = sum(tensor.numel() for path in files for tensor in load_file(path).values())
        return parameters, sum(path.stat().st_size for path in files)

    def _backbone(self) -> PreTrainedModel:
        return load_backbone(self.trial.model, self.method.quantization)

    def _assembled(
        self, backbone: nn.Module, trained_head: bool, device: str | None = None
    ) -> TaskModel:
        head = self.kind.head(backbone, self.trial.seed)
        if trained_head:  # what of it was not trained is as it was made
            head.load_state_dict(load_file(self.weights / HEAD), strict=False)
        return self.kind.under(head, backbone).to(device or self.trial.device)

    def width(self, backbone: nn.Module) -> int:
        """Of a token's state."""
        width: int = backbone.config.hidden_size  # type: ignore[assignment, union-attr]
        return width

    def _on_device(self, batch: dict[str, Tensor]) -> Batch:
        return {name: tensor.to(self.trial.device) for name, tensor in batch.items()}
