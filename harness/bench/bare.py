"""The work of a LoRA trial as a plain script: no phases, no isolation, no records.

Data and batches are the harness's own, so that both train on the same; the rest is written out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer

from harness.checked import from_plain
from harness.config import TrialConfig
from harness.model_folder import SAFELY, model_folder
from harness.tasks.batches import LengthBuckets, longest_first
from harness.tasks.data import load
from harness.tasks.encoded import Encoded
from harness.tasks.texts import encode

Batch = dict[str, Tensor]


def run(record: dict[str, Any], folder: str) -> dict[str, Any]:
    """Train, evaluate, merge, evaluate again, time as many calls and steps as the record says."""
    trial = from_plain(TrialConfig, record["config"])
    recipe = trial.train
    place = model_folder(trial.model)
    tokenizer = AutoTokenizer.from_pretrained(place, **SAFELY)
    data = load(trial.task)
    encoded = {
        split: encode(rows, list(rows["label"]), trial.task, tokenizer)
        for split, rows in (
            ("train", data.train),
            ("validation", data.validation),
            ("test", data.test),
        )
    }

    def backbone() -> nn.Module:
        model = AutoModel.from_pretrained(
            place, dtype=torch.float32, use_safetensors=True, **SAFELY
        )
        model.pooler = None
        return model

    def batches() -> Iterator[Batch]:
        lengths = encoded["train"].lengths
        for indices in LengthBuckets(lengths, recipe.batch_size, trial.seed):
            yield encoded["train"].batch(indices)

    # The same adapter and the same first weights of the head as the trial's.
    weights = Path(folder) / "weights"
    lora = LoraConfig.from_pretrained(str(weights))
    lora.inference_mode = False

    def fresh() -> tuple[Classifier, torch.optim.Optimizer]:
        torch.manual_seed(trial.seed)
        model = Classifier(get_peft_model(backbone(), lora), len(data.labels), trial.seed)
        trained = [p for p in model.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        return model, torch.optim.AdamW(groups, lr=recipe.learning_rate)

    model, optimizer = fresh()
    rising = round(recipe.warmup * recipe.steps)

    def factor(number: int) -> float:
        if number < rising:
            return (number + 1) / rising
        return (recipe.steps - number) / max(1, recipe.steps - rising)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    scored = {point["step"] for point in record["training"]["curve"]}
    for number, batch in enumerate(islice(batches(), recipe.steps), 1):
        step(model.train(), batch, optimizer, recipe.clip_norm)
        schedule.step()
        if number in scored:
            accuracy(model, encoded["validation"], recipe.eval_batch_size)
    quality = accuracy(model, encoded["test"], recipe.eval_batch_size)

    adapted = PeftModel.from_pretrained(backbone(), str(weights))
    unmerged = Classifier(adapted, len(data.labels), trial.seed).eval()
    base = Classifier(backbone(), len(data.labels), trial.seed).eval()
    merged_backbone = copy.deepcopy(adapted).merge_and_unload()
    merged = Classifier(merged_backbone, len(data.labels), trial.seed).eval()
    accuracy(merged, encoded["test"], recipe.eval_batch_size)
    _time(record, (base, unmerged, merged), len(tokenizer))

    model, optimizer = fresh()
    steps = 1 + record["training"]["seconds_per_step"]["n"] * (1 + record["training"]["repeated"])
    for batch in islice(batches(), steps):
        step(model, batch, optimizer, recipe.clip_norm)
    lengths = encoded["train"].lengths
    longest = encoded["train"].batch(longest_first(lengths, recipe.batch_size)[0])
    for _ in range(4):  # the trial weighs two passes of two steps
        step(model, longest, optimizer, recipe.clip_norm)
    return {"quality": quality}


class Classifier(nn.Module):
    """A linear head on the mean of the token states."""

    def __init__(self, backbone: Any, classes: int, seed: int) -> None:
        super().__init__()
        self.backbone = backbone
        width = backbone.config.hidden_size
        self.head = nn.Linear(width, classes)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self.head.weight.normal_(std=0.02, generator=generator)
            self.head.bias.zero_()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        found = self.backbone(input_ids=input_ids, attention_mask=attention_mask)
        weights = attention_mask.unsqueeze(-1).float()
        return self.head((found.last_hidden_state * weights).sum(1) / weights.sum(1))


def step(model: nn.Module, batch: Batch, optimizer: torch.optim.Optimizer, clip: float) -> None:
    logits = model(batch["input_ids"], batch["attention_mask"])
    nn.functional.cross_entropy(logits, batch["labels"]).backward()
    nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


@torch.inference_mode()
def accuracy(model: nn.Module, encoded: Encoded, batch_size: int) -> float:
    model.eval()
    right = 0
    for indices in longest_first(encoded.lengths, batch_size):
        batch = encoded.batch(indices)
        logits = model(batch["input_ids"], batch["attention_mask"])
        right += int((logits.argmax(-1) == batch["labels"]).sum())
    return right / len(encoded)


@torch.inference_mode()
def _time(record: dict[str, Any], models: tuple[nn.Module, ...], vocabulary: int) -> None:
    """As many calls of each model as the trial made."""
    settings = record["config"]["measure"]
    for latency in (record["latency"], record["latency"]["batch"]):
        shape = (latency["shape"]["batch_size"], latency["shape"]["sequence_length"])
        tokens = torch.randint(vocabulary, shape)
        mask = torch.ones_like(tokens)
        for _ in range(1 + settings["warmups"] + latency["base"]["n"]):
            for model in models:
                model(tokens, mask)
