"""What peft's merges compute, against algebra that is written out here."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from peft.utils.merge_utils import ties as peft_ties
from torch import nn

from harness.compose import evaluation
from harness.compose.evaluation import MERGED, Adapters
from harness.compose.merging import Candidate
from harness.models import TaskModel
from harness.tasks.quality import Quality
from tests.backbones import WIDTH, build, disturb, states, trained

Matrix = NDArray[np.float64]
RANK, ALPHA, TASKS = 4, 12, 3
SCALE = ALPHA / RANK
PATH = "base_model.model.encoder.layer.1.output.dense"


def quality(value: float) -> Quality:
    return Quality("accuracy", True, value, None, None, 10, 0.5)


class Bench:
    """One task's adapter as a workbench hands it out, without data."""

    def __init__(self, method: Any, folder: Path, number: int) -> None:
        self.method, self.weights = method, folder
        # No name that peft takes for an adapter.
        self.trial = SimpleNamespace(
            task=SimpleNamespace(name=f"task.{number}"),
            train=SimpleNamespace(adapters_in_float32=True),
            seed=5,
        )
        self.device = SimpleNamespace(gpu=None)
        adapted = method.adapt(build("bert"))
        disturb(adapted)
        torch.manual_seed(number)
        with torch.no_grad():
            for parameter in trained(adapted):
                parameter.copy_(0.1 * torch.randn_like(parameter))
        method.save(adapted, folder)
        self.states = states(adapted.eval())

    def restored(self) -> TaskModel:
        return self.headed(self.method.restore(build("bert"), self.weights))

    def headed(self, backbone: nn.Module) -> TaskModel:
        return TaskModel(backbone, nn.Linear(WIDTH, 2), "mean").eval()


@pytest.fixture
def benches(method_of, tmp_path) -> list[Any]:
    method = method_of("lora", f"size={RANK}", f"method.lora_alpha={ALPHA}")
    return [Bench(method, tmp_path / str(number), number) for number in range(TASKS)]


@pytest.fixture
def adapters(benches) -> Adapters:
    return Adapters(benches)


def factors(adapters: Adapters, name: str, path: str = PATH) -> tuple[Matrix, Matrix]:
    """A and B of an adapter at one place."""
    layer = adapters.backbone.get_submodule(path)
    a, b = layer.lora_A[name].weight, layer.lora_B[name].weight
    return a.detach().numpy().astype(float), b.detach().numpy().astype(float)


def separate(adapters: Adapters) -> list[tuple[Matrix, Matrix]]:
    return [factors(adapters, name) for name in adapters.names.values()]


def updates(adapters: Adapters) -> list[Matrix]:
    return [SCALE * b @ a for a, b in separate(adapters)]


def merged(adapters: Adapters, *candidate: Any) -> tuple[Matrix, Matrix]:
    adapters.merge(Candidate(*candidate))
    layer = adapters.backbone.get_submodule(PATH)
    assert layer.scaling[MERGED] == 1.0, "the product of the factors is the update"
    return factors(adapters, MERGED)


def trimmed(delta: Matrix, density: float) -> Matrix:
    """The entries of the largest magnitude, the others zero."""
    order = np.argsort(-np.abs(delta), axis=None)
    kept = np.zeros(delta.size)
    kept[order[: int(density * delta.size)]] = 1
    return delta * kept.reshape(delta.shape)


def ties(deltas: list[Matrix], weight: float, density: float) -> Matrix:
    """Trim, elect signs, disjoint mean: Yadav et al. 2023, section 4, every matrix by itself."""
    kept = np.stack([trimmed(delta, density) for delta in deltas])
    sign = np.where(kept.sum(axis=0) >= 0, 1, -1)
    agree = np.sign(kept) == sign
    return weight * (kept * agree).sum(axis=0) / np.maximum(agree.sum(axis=0), 1)


def cut(matrix: Matrix, rank: int) -> Matrix:
    """The nearest matrix of a rank, by Eckart and Young."""
    u, s, v = np.linalg.svd(matrix)
    return (u[:, :rank] * s[:rank]) @ v[:rank]


def close(found: Matrix, expected: Matrix) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)


@pytest.mark.filterwarnings("ignore:The density 1.0 is greater than or equal to 1:UserWarning")
@pytest.mark.parametrize(
    ("density", "by_hand"),
    [
        # 1 and 2 agree and are averaged; -3 outvotes 1; where nobody wins, plus does.
        (1.0, [1.5, -3.0, 4.0]),
        # Each keeps only its largest, 4 and -4.
        (0.34, [0.0, 0.0, 4.0]),
    ],
)
def test_signs_are_elected_by_what_the_kept_entries_sum_to(density, by_hand):
    deltas = [[1.0, -3.0, 4.0], [2.0, 1.0, -4.0]]
    close(ties([np.array(delta) for delta in deltas], 1.0, density), np.array(by_hand))
    tensors = [torch.tensor(delta) for delta in deltas]
    close(peft_ties(tensors, torch.ones(2), density).numpy(), np.array(by_hand))


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_cat_is_the_weighted_sum_of_the_updates_and_the_ranks_add_up(adapters, weight):
    a, b = merged(adapters, "cat", weight, None)
    assert (a.shape[0], b.shape[1]) == (TASKS * RANK, TASKS * RANK)
    close(b @ a, weight * sum(updates(adapters)))


def test_svd_is_the_nearest_of_one_rank_to_that_sum(adapters):
    a, b = merged(adapters, "svd", 0.7, None)
    assert a.shape[0] == RANK
    close(b @ a, cut(0.7 * sum(updates(adapters)), RANK))


def test_linear_sums_the_factors_so_that_its_product_has_mixed_terms(adapters):
    a, b = merged(adapters, "linear", 0.7, None)
    root = math.sqrt(0.7 * SCALE)
    close(a, root * sum(a for a, _ in separate(adapters)))
    close(b, root * sum(b for _, b in separate(adapters)))
    total = 0.7 * sum(updates(adapters))
    mixed = sum(
        0.7 * SCALE * b @ a
        for i, (_, b) in enumerate(separate(adapters))
        for j, (a, _) in enumerate(separate(adapters))
        if i != j
    )
    close(b @ a, total + mixed)
    assert np.linalg.norm(mixed) > 0.5 * np.linalg.norm(total)


@pytest.mark.parametrize(("weight", "density"), [(1.0, 0.2), (0.5, 0.5), (1.0, 1.0)])
@pytest.mark.filterwarnings("ignore:The density 1.0 is greater than or equal to 1:UserWarning")
def test_ties_trims_elects_and_averages_each_factor(adapters, weight, density):
    a, b = merged(adapters, "ties", weight, density)
    root = math.sqrt(weight * SCALE)
    close(a, ties([a for a, _ in separate(adapters)], root, density))
    close(b, ties([b for _, b in separate(adapters)], root, density))


def test_ties_svd_does_the_same_to_the_updates_and_cuts_to_one_rank(adapters):
    a, b = merged(adapters, "ties_svd", 1.0, 0.2)
    close(b @ a, cut(ties(updates(adapters), 1.0, 0.2), RANK))


def test_magnitude_prune_trims_and_sums(adapters):
    a, _ = merged(adapters, "magnitude_prune", 1.0, 0.3)
    expected = sum(trimmed(a, 0.3) for a, _ in separate(adapters))
    close(a, math.sqrt(SCALE) * expected)


def test_dare_keeps_each_entry_rescaled_or_not_at_all(adapters):
    density, root = 0.2, math.sqrt(SCALE)
    a, _ = merged(adapters, "dare_linear", 1.0, density)
    parts = np.stack([a for a, _ in separate(adapters)]) * root / density
    choices = np.array([[i >> k & 1 for k in range(TASKS)] for i in range(2**TASKS)])
    possible = np.tensordot(choices, parts, axes=1)  # [subsets, rank, width]
    assert np.abs(possible - a).min(axis=0).max() < 1e-5
    # 256 entries, each left by all three at 0.8³: 131 ± 8
    assert abs((a == 0).mean() - (1 - density) ** TASKS) < 4 * 0.5 / math.sqrt(a.size)


def test_mean_over_draws_of_dare_is_the_plain_sum(adapters):
    density, draws, root = 0.5, 400, math.sqrt(SCALE)
    total = np.zeros_like(separate(adapters)[0][0])
    for seed in range(draws):
        adapters._seed = seed
        total += merged(adapters, "dare_linear", 1.0, density)[0]
    parts = np.stack([a for a, _ in separate(adapters)]) * root
    # An entry that is doubled or dropped has its own size as standard deviation.
    deviation = np.sqrt((parts**2).sum(axis=0) * (1 - density) / density / draws)
    z = (total / draws - parts.sum(axis=0)) / deviation
    assert abs(z.mean()) < 4 / math.sqrt(z.size)
    assert np.abs(z).max() < 5


def test_same_seed_drops_the_same_and_another_seed_does_not(adapters):
    first = merged(adapters, "dare_ties", 1.0, 0.5)[0]
    assert np.array_equal(merged(adapters, "dare_ties", 1.0, 0.5)[0], first)
    adapters._seed += 1
    assert not np.array_equal(merged(adapters, "dare_ties", 1.0, 0.5)[0], first)


@pytest.mark.parametrize("combination_type", ["cat", "linear", "ties", "dare_ties"])
def test_merging_leaves_base_and_separate_adapters_as_they_were(
    adapters, benches, combination_type
):
    merged(adapters, combination_type, 0.5, None if combination_type in ("cat", "linear") else 0.5)
    for bench in benches:
        adapters.backbone.set_adapter(adapters.names[bench.trial.task.name])
        torch.testing.assert_close(states(adapters.backbone), bench.states, rtol=0, atol=1e-6)
    with adapters.backbone.disable_adapter():
        assert torch.equal(states(adapters.backbone), states(build("bert")))


REFUSED = ("use_dora", "use_rslora", "lora_bias")


@pytest.mark.parametrize("option", REFUSED)
def test_what_is_refused_is_what_peft_would_leave_out(method_of, tmp_path, option):
    """An adapter "merged" with weight 1, and another that does nothing, is no longer itself."""
    extra = [f"method.{option}=true"]
    method = method_of("lora", f"size={RANK}", f"method.lora_alpha={ALPHA}", *extra)
    benches: list[Any] = [Bench(method, tmp_path / str(number), number) for number in range(2)]
    adapters = Adapters(benches)
    other = adapters.names["task.1"]
    with torch.no_grad():
        for name, parameter in adapters.backbone.named_parameters():
            if f"lora_B.{other}." in name:
                parameter.zero_()
    adapters.merge(Candidate("cat", 1.0, None))
    assert not torch.allclose(states(adapters.backbone), benches[0].states, atol=1e-2)
    assert option in evaluation.NOT_MERGED


def test_without_those_options_it_is_itself(method_of, tmp_path):
    method = method_of("lora", f"size={RANK}", f"method.lora_alpha={ALPHA}")
    benches: list[Any] = [Bench(method, tmp_path / str(number), number) for number in range(2)]
    adapters = Adapters(benches)
    with torch.no_grad():
        for name, parameter in adapters.backbone.named_parameters():
            if f"lora_B.{adapters.names['task.1']}." in name:
                parameter.zero_()
    adapters.merge(Candidate("cat", 1.0, None))
    torch.testing.assert_close(states(adapters.backbone), benches[0].states, rtol=0, atol=1e-6)


def test_values_are_chosen_on_validation_and_only_the_chosen_sees_the_test_split(
    benches, monkeypatch
):
    asked: list[tuple[str, str]] = []

    def score(model: TaskModel, split: str) -> tuple[dict, Quality]:
        at_work = str(model.backbone.active_adapter)
        asked.append((at_work, split))
        size = model.backbone.get_submodule(PATH).lora_A[at_work].weight.norm().item()
        # Validation likes the small merge, test the large one.
        return {}, quality(1 / (1 + size) if split == "validation" else size)

    for bench in benches:
        bench.score = score
    waiting = iter(benches)
    monkeypatch.setattr(evaluation, "Workbench", lambda trial, folder: next(waiting))
    monkeypatch.setattr(evaluation, "from_plain", lambda kind, plain: plain)
    weights = (0.3, 0.5, 1.0)
    settings = evaluation.Merging(("cat",), weights, (0.5,))
    trials = [{"config": {}, "folder": "."}] * TASKS
    found = evaluation.evaluate(trials, settings)  # type: ignore[arg-type]
    assert found["rows"][-1]["merge"] == {
        "combination_type": "cat", "weight": 0.3, "density": None,
    }  # fmt: skip
    assert [c["weight"] for c in found["candidates"]] == list(weights)
    assert asked.count((MERGED, "test")) == TASKS
    assert asked.count((MERGED, "validation")) == len(weights) * TASKS
    kinds = [row["kind"] for row in found["rows"]]
    assert kinds == ["base"] + ["separate"] * TASKS + ["merged"]
    assert [row["rank"] for row in found["rows"]] == [None] + [RANK] * TASKS + [RANK * TASKS]
