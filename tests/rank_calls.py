"""What the tests of ranks and of spread models run on every rank, each in a process of its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import distributed, nn
from torch.distributed.tensor import DTensor

from harness.adapting import for_training
from harness.config import TrainConfig
from harness.isolation import Failure
from harness.methods import Method, load_method
from harness.methods.anatomy import layers
from harness.models import TaskModel
from harness.ranks import joined, leads, over_ranks
from harness.sharding import spread
from harness.training import Batch, fit
from tests.backbones import VOCABULARY, WIDTH, build, disturb
from tests.conftest import composed

RECIPE = {"steps": 4, "batch_size": 8, "learning_rate": 0.01, "warmup": 0.3, "weight_decay": 0.1,
          "clip_norm": 1.0, "eval_batch_size": 8}  # fmt: skip


def add(rank: int, port: int, count: int) -> dict[str, Any]:
    """The sum over ranks of their numbers, and what each of them is."""
    with joined(rank, count, port, "cpu"):
        total = torch.tensor(rank + 1)
        distributed.all_reduce(total)
        return {"total": total.item(), "rank": rank, "leads": leads()}


def end(rank: int, port: int, count: int, folder: str, way: str) -> dict[str, Any]:
    """Leave the number of the process; then the last rank ends so, and the others wait for it."""
    (Path(folder) / f"{rank}.pid").write_text(str(os.getpid()))
    try:
        with joined(rank, count, port, "cpu"):
            if rank == count - 1:
                _end(way)
            distributed.barrier()
    except Failure:
        if way == "late":  # the others lose it before it has answered
            distributed.destroy_process_group()
            time.sleep(1)
        raise
    return {}


def _end(way: str) -> None:
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if way in ("diverge", "late"):
        raise Failure("diverged", "the loss is nan")
    if way == "hang":
        time.sleep(600)


def end_all(folder: str) -> dict[str, Any]:
    """A phase whose ranks never end."""
    return over_ranks(
        2, "tests.rank_calls:end", {"count": 2, "folder": folder, "way": "hang"}, Path(folder)
    )


def train_all(
    rank: int, port: int, count: int, cases: dict[str, Any], folder: str
) -> dict[str, Any]:
    """What each case gives on all ranks, by its name; the weights are left as files."""
    found = {}
    with joined(rank, count, port, "cpu"):
        for name, case in cases.items():
            method, model, paths = of(case)
            over_all = spread(model, paths, "cpu", seed=0)
            found[name] = {"held": held(over_all), **train(case, over_all, method)}
            trained = over_all.trained()
            if leads():
                save_file(trained, Path(folder) / f"{name}.safetensors")
    return found


def of(case: dict[str, Any]) -> tuple[Method, Callable[[], TaskModel], list[str]]:
    """The method, what makes its model, and the paths of its base's layers."""
    method = load_method(composed(f"method={case['method']}").method)
    backbone, dtype = case["backbone"], getattr(torch, case.get("dtype", "float32"))

    def model() -> TaskModel:
        adapted = for_training(method, build(backbone).to(dtype), recipe(case))
        disturb(adapted)  # an update that starts at zero gives half of its tensors no gradient
        for module in adapted.modules():  # what is dropped each rank draws for itself
            for name, value in vars(module).items():
                if isinstance(value, float) and (name == "p" or "dropout" in name):
                    setattr(module, name, 0.0)
        return TaskModel(adapted, nn.Linear(WIDTH, 2), "mean").train()

    return method, model, [layer.path for layer in layers(build(backbone))]


def recipe(case: dict[str, Any]) -> TrainConfig:
    return TrainConfig(**{**RECIPE, **case.get("recipe", {})})


def train(case: dict[str, Any], model: TaskModel, method: Method) -> dict[str, Any]:
    """The losses, and the logits of five texts amid the training and after it."""
    probe, seen, given = next(batches([5])), [], recipe(case)

    def look() -> None:
        with torch.inference_mode():
            logits = model(probe["input_ids"], probe["attention_mask"])
        seen.append(logits.flatten().tolist())

    log = fit(
        model, batches(case.get("sizes", [8])), nn.functional.cross_entropy,
        method.optimizer(model, given), given, {2: look},
    )  # fmt: skip
    look()
    return {"losses": log.losses, "logits": seen, "counts": [log.examples, log.tokens]}


def batches(sizes: list[int]) -> Iterator[Batch]:
    """Texts of unlike length, as many in a batch as the sizes say in turn."""
    generator = torch.Generator().manual_seed(0)
    while True:
        for size in sizes:
            lengths = torch.randint(2, 12, (size, 1), generator=generator)
            mask = (torch.arange(int(lengths.max())) < lengths).long()
            ids = torch.randint(1, VOCABULARY, mask.shape, generator=generator) * mask
            yield {"input_ids": ids, "attention_mask": mask, "labels": ids.sum(1) % 2}


def held(model: nn.Module) -> float:
    """The share of the model's numbers that this rank holds."""
    pieces = [parameter for parameter in model.parameters() if isinstance(parameter, DTensor)]
    own = sum(piece.to_local().numel() for piece in pieces)
    return own / sum(parameter.numel() for parameter in model.parameters())
