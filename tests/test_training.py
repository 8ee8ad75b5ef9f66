"""The loop: schedule, decay, clipping, and what it does when the loss is lost."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.config import TrainConfig
from harness.errors import ConfigError
from harness.isolation import Failure
from harness.models import TaskModel
from harness.training import backward, fit, optimizer_for, schedule_for, step
from tests.backbones import VOCABULARY, WIDTH, build


def recipe(**changes: object) -> TrainConfig:
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
    optimizer = optimizer_for(model, recipe())
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
    decayed, kept = optimizer_for(model, recipe()).param_groups
    assert [p is model.map.weight for p in decayed["params"]] == [True]
    assert {id(p) for p in kept["params"]} == {id(model.norm.weight), id(model.norm.bias)}
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.5, 0.0)


def test_step_is_the_step_of_a_loop_written_out():
    model, by_hand = Linear(), Linear()
    optimizer = optimizer_for(model, recipe())
    loss = step(model, batch(), nn.functional.cross_entropy, optimizer, recipe(clip_norm=1e9))
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
    step(model, batch(), nn.functional.cross_entropy, optimizer, recipe(clip_norm=0.01))
    moved = [(p - b).pow(2).sum() for p, b in zip(model.parameters(), before, strict=True)]
    assert torch.stack(moved).sum().sqrt().item() == pytest.approx(0.01, rel=1e-4)


def test_fit_learns_and_counts_what_it_saw():
    model = Linear()
    given = recipe(steps=30)
    optimizer = optimizer_for(model, given)
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
            model, forever(batch()), nn.functional.cross_entropy, optimizer_for(model, recipe()),
            recipe(), {3: look, 10: look} if pauses else None,
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
        model, forever(batch()), nn.functional.cross_entropy, optimizer_for(model, recipe()),
        recipe(), {2: wait, 5: wait},
    )  # fmt: skip
    assert log.seconds == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_loss_that_is_not_finite_ends_the_run_with_its_step(value):
    factors = iter((1, 1, value))
    model = Linear()
    optimizer = optimizer_for(model, recipe())

    def loss_of(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(logits, labels) * next(factors)

    with pytest.raises(Failure, match=f"the loss is {value} at step 3") as failure:
        fit(model, forever(batch()), loss_of, optimizer, recipe())
    assert failure.value.status == "diverged"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_gradient_that_is_not_finite_in_the_last_step_ends_the_run_too(value):
    model = Linear()
    optimizer = optimizer_for(model, recipe())
    steps = 0

    def spoil(gradient: torch.Tensor) -> torch.Tensor:
        nonlocal steps
        steps += 1
        return gradient * value if steps == recipe().steps else gradient

    model.map.weight.register_hook(spoil)
    with pytest.raises(Failure, match="the weights are not finite after step 10") as failure:
        fit(model, forever(batch()), nn.functional.cross_entropy, optimizer, recipe())
    assert failure.value.status == "diverged"


def texts(lengths: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """Texts of these lengths, padded to the longest."""
    places = torch.arange(max(lengths))
    mask = (places < torch.tensor(lengths).unsqueeze(1)).long()
    ids = torch.randint(VOCABULARY, mask.shape, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(len(lengths)) % 2
    return {"input_ids": ids * mask, "attention_mask": mask, "labels": labels}


def task_model() -> TaskModel:
    return TaskModel(build("bert"), nn.Linear(WIDTH, 2), "mean").eval()


# Six texts in two and in six equal parts; in four parts they are 2, 2 and 2; and five are 2, 2, 1.
@pytest.mark.parametrize(("count", "parts"), [(6, 2), (6, 6), (6, 4), (5, 3)])
def test_gradients_of_a_batch_in_parts_are_those_of_the_batch(count, parts):
    given = texts((9, 2, 7, 3, 1, 4)[:count])
    model = task_model()
    found = {}
    for accumulation in (1, parts):
        model.zero_grad()
        config = recipe(batch_size=12, accumulation=accumulation)
        loss = backward(model, given, nn.functional.cross_entropy, config)
        grads = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
        found[accumulation] = {"loss": loss, **grads}
    assert len(found[1]) > 30
    assert not found[parts]["loss"].requires_grad
    for name, whole in found[1].items():
        torch.testing.assert_close(found[parts][name], whole, rtol=1e-5, atol=1e-6)


def test_a_batch_in_parts_is_computed_a_part_at_a_time():
    seen = []
    model = task_model()
    model.register_forward_pre_hook(
        lambda _, given, named: seen.append(named["input_ids"].shape), with_kwargs=True
    )
    config = recipe(batch_size=6, accumulation=3)
    backward(model, texts((9, 2, 7, 3, 1, 4)), nn.functional.cross_entropy, config)
    assert seen == [(2, 9)] * 3


def written_out(kind: str, value: float, grads: list[float], rate: float, decay: float) -> float:
    """The scalar `value` after steps along `grads`, from the algorithms' papers."""
    first = second = 0.0
    for number, grad in enumerate(grads, 1):
        if kind == "sgd":
            value -= rate * (grad + decay * value)
        if kind == "adamw":
            first, second = 0.9 * first + 0.1 * grad, 0.999 * second + 0.001 * grad**2
            step = first / (1 - 0.9**number) / ((second / (1 - 0.999**number)) ** 0.5 + 1e-8)
            value -= rate * (decay * value + step)
        if kind == "adafactor":  # of a vector: nothing to factor, and no first moment
            share = 1 - number**-0.8
            second = share * second + (1 - share) * grad**2
            step = grad / second**0.5
            value -= rate * max(1e-3, abs(value)) * step / max(1.0, abs(step))
    return value


@pytest.mark.parametrize(
    ("kind", "state"), [("sgd", 0), ("adamw", 2), ("adafactor", 1), ("adamw_8bit", 2)]
)
def test_optimizer_of_the_recipe_steps_as_its_paper_says(kind, state):
    if kind == "adamw_8bit":
        pytest.importorskip("bitsandbytes")
    model = nn.Module()
    model.weight = nn.Parameter(torch.tensor([0.5]))
    config = recipe(optimizer=kind, learning_rate=0.01)
    optimizer = optimizer_for(model, config)
    grads = [0.2, -0.3, 0.1]
    for grad in grads:
        model.weight.grad = torch.tensor([grad])
        optimizer.step()
    # A vector is not decayed; below 4096 numbers AdamW's state is held in 32 bits.
    expected = written_out(kind.removesuffix("_8bit"), 0.5, grads, 0.01, 0.0)
    assert model.weight.item() == pytest.approx(expected, rel=1e-5)
    held = {n: v for n, v in optimizer.state[model.weight].items() if torch.is_tensor(v)}
    assert [held[name].dtype for name in held if name != "step"] == [torch.float32] * state


def test_8_bit_optimizer_holds_matrices_in_8_bits_and_moves_as_adamw_does():
    pytest.importorskip("bitsandbytes")
    moved = {}
    for kind in ("adamw", "adamw_8bit"):
        torch.manual_seed(0)
        model = nn.Linear(64, 64, bias=False)
        start = model.weight.detach().clone()
        optimizer = optimizer_for(model, recipe(optimizer=kind, learning_rate=0.01))
        for _ in range(10):
            model.weight.grad = start.sin() + 0.1 * model.weight.detach()
            optimizer.step()
        moved[kind] = model.weight.detach() - start
    state = optimizer.state[model.weight]
    assert (state["state1"].dtype, state["state2"].dtype) == (torch.uint8, torch.uint8)
    difference = (moved["adamw_8bit"] - moved["adamw"]).norm() / moved["adamw"].norm()
    assert difference < 0.05


def test_8_bit_optimizer_without_its_library_is_refused(monkeypatch):
    monkeypatch.setattr("harness.extras.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"train.optimizer=adamw_8bit: needs bitsandbytes, which"):
        optimizer_for(Linear(), recipe(optimizer="adamw_8bit"))


def test_autocast_multiplies_in_bfloat16_and_leaves_weights_and_gradients_in_float32():
    model = task_model()
    seen = set()
    layer = model.backbone.encoder.layer[0].intermediate.dense
    layer.register_forward_hook(lambda *given: seen.add(given[2].dtype))
    given = texts((9, 2, 7, 3))
    exact = backward(model, given, nn.functional.cross_entropy, recipe())
    gradient = layer.weight.grad.clone()
    model.zero_grad()
    mixed = backward(model, given, nn.functional.cross_entropy, recipe(autocast=True))
    assert seen == {torch.float32, torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {mixed.dtype, torch.float32}
    assert layer.weight.grad.dtype == torch.float32
    # bfloat16 has 8 bits of precision.
    assert mixed.item() == pytest.approx(exact.item(), rel=2**-6)
    assert 0 < (layer.weight.grad - gradient).norm() < 0.05 * gradient.norm()
