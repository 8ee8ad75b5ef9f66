"""The loop: schedule, decay, clipping, and what it does when the loss is lost."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.config import TrainConfig
from harness.isolation import Failure
from harness.training import adamw, fit, schedule_for, step


def recipe(**changes: float) -> TrainConfig:
    given = {
        "steps": 10, "batch_size": 2, "learning_rate": 0.1, "warmup": 0.2,
        "weight_decay": 0.5, "clip_norm": 1.0, "eval_batch_size": 2,
    }  # fmt: skip
    return TrainConfig(**{**given, **changes})  # type: ignore[arg-type]


class Linear(nn.Module):
    """Logits from token ids taken as numbers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm = nn.LayerNorm(3)
        self.map = nn.Linear(3, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.map(self.norm(input_ids * attention_mask))


def batch(scale: float = 1.0) -> dict[str, torch.Tensor]:
    input_ids = scale * torch.tensor([[1.0, 2.0, 3.0], [3.0, 1.0, 1.0]])
    labels = torch.tensor([0, 1])
    return {"input_ids": input_ids, "attention_mask": torch.ones(2, 3), "labels": labels}


def forever(*batches: dict[str, torch.Tensor]):
    while True:
        yield from batches


def test_rate_rises_over_the_warm_up_and_falls_to_zero():
    model = Linear()
    optimizer = adamw(model, recipe())
    schedule = schedule_for(optimizer, recipe())
    rates = []
    for _ in range(10):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    expected = [0.05, 0.1, *(0.1 * left / 8 for left in range(8, 0, -1))]
    assert rates == pytest.approx(expected)
    assert optimizer.param_groups[0]["lr"] == 0


def test_only_matrices_are_decayed_and_only_trained_parameters_are_given():
    model = Linear()
    model.map.bias.requires_grad_(False)
    decayed, kept = adamw(model, recipe()).param_groups
    assert [p is model.map.weight for p in decayed["params"]] == [True]
    assert {id(p) for p in kept["params"]} == {id(model.norm.weight), id(model.norm.bias)}
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.5, 0.0)


def test_step_is_the_step_of_a_loop_written_out():
    model, by_hand = Linear(), Linear()
    optimizer = adamw(model, recipe())
    loss = step(model, batch(), nn.functional.cross_entropy, optimizer, clip=1e9)
    other = torch.optim.AdamW(
        [
            {"params": [by_hand.map.weight], "weight_decay": 0.5},
            {"params": [by_hand.norm.weight, by_hand.norm.bias, by_hand.map.bias],
             "weight_decay": 0.0},
        ],
        lr=0.1,
    )  # fmt: skip
    expected = nn.functional.cross_entropy(
        by_hand(batch()["input_ids"], torch.ones(2, 3)), batch()["labels"]
    )
    expected.backward()
    other.step()
    assert loss == expected.item()
    for found, wanted in zip(model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=0)


def test_gradients_are_clipped_to_their_joint_norm():
    model = Linear()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    before = [p.clone() for p in model.parameters()]
    step(model, batch(), nn.functional.cross_entropy, optimizer, clip=0.01)
    moved = [(p - b).pow(2).sum() for p, b in zip(model.parameters(), before, strict=True)]
    assert torch.stack(moved).sum().sqrt().item() == pytest.approx(0.01, rel=1e-4)


def test_fit_learns_and_counts_what_it_saw():
    model = Linear()
    given = recipe(steps=30)
    optimizer = adamw(model, given)
    log = fit(model, forever(batch()), nn.functional.cross_entropy, optimizer, given)
    assert (len(log.losses), log.examples, log.tokens) == (30, 60, 180)
    assert log.losses[-1] < 0.1 < log.losses[0]
    assert not model.training


def test_pauses_see_the_model_as_it_is_then_and_change_nothing():
    def trained(pauses: bool) -> tuple[list[float], list[tuple[bool, float]]]:
        model = Linear()
        seen: list[tuple[bool, float]] = []

        def look() -> None:
            seen.append((model.training, model.map.weight[0, 0].item()))

        log = fit(
            model, forever(batch()), nn.functional.cross_entropy, adamw(model, recipe()), recipe(),
            {3: look, 10: look} if pauses else None,
        )  # fmt: skip
        return log.losses, seen

    losses, seen = trained(pauses=True)
    assert losses == trained(pauses=False)[0]
    assert [training for training, _ in seen] == [False, False]
    assert seen[0][1] != seen[1][1]


def test_pauses_are_no_training_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("harness.training.time.perf_counter", lambda: now[0])

    def wait() -> None:
        now[0] += 100

    model = Linear()
    log = fit(
        model, forever(batch()), nn.functional.cross_entropy, adamw(model, recipe()), recipe(),
        {2: wait, 5: wait},
    )  # fmt: skip
    assert log.seconds == 0


def test_loss_that_is_not_finite_ends_the_run_with_its_step():
    batches = forever(batch(), batch(), batch(float("nan")))
    model = Linear()
    optimizer = adamw(model, recipe())
    with pytest.raises(Failure, match="the loss is nan at step 3") as failure:
        fit(model, batches, nn.functional.cross_entropy, optimizer, recipe())
    assert failure.value.status == "diverged"
