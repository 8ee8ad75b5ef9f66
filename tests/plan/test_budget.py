"""The size that a budget gives to a method, against closed forms of what methods train."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.config import ModelConfig, Source
from harness.errors import ConfigError
from harness.plan import budget as module
from harness.plan.budget import sized, sizes
from harness.plan.request import Request

WIDTH, INNER, LAYERS, VOCABULARY, CONTEXT, CLASSES = 96, 192, 2, 500, 128, 3
MODEL = ModelConfig(
    "small",
    Source(
        kind="architecture",
        architecture={
            "model_type": "bert",
            "hidden_size": WIDTH,
            "intermediate_size": INNER,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": 4,
            "vocab_size": VOCABULARY,
            "max_position_embeddings": CONTEXT,
        },
    ),
    pooling="mean",
)
HEAD = CLASSES * (WIDTH + 1)
# Devlin et al. 2019, arXiv 1810.04805: embeddings of tokens, places and two segments; in each layer
# four maps of the attention, two of the feed-forward, and two norms.
LAYER = 4 * (WIDTH + 1) * WIDTH + (WIDTH + 1) * INNER + (INNER + 1) * WIDTH + 4 * WIDTH
BASE = (VOCABULARY + CONTEXT + 2) * WIDTH + 2 * WIDTH + LAYERS * LAYER

Planned = Callable[..., Request]


@pytest.fixture
def request_for(trial_of: Callable[..., Any]) -> Planned:
    def make(*overrides: str, seq_len: int = 32) -> Request:
        trial = trial_of(*overrides)
        return Request(MODEL, trial.method, trial.train, seq_len, "classification", CLASSES)

    return make


def lora(rank: int) -> int:
    return rank * LAYERS * (4 * 2 * WIDTH + 2 * (WIDTH + INNER))


def houlsby(dim: int) -> int:
    return 2 * LAYERS * (2 * WIDTH * dim + dim + WIDTH)


def oft(block: int) -> float:
    """Qiu et al. 2023, arXiv 2306.07280: block by block a skew-symmetric matrix on the input."""
    return LAYERS * (5 * WIDTH + INNER) * (block - 1) / 2


def prompt(tokens: int) -> int:
    return tokens * WIDTH


METHODS = {
    "lora": (lora, range(1, WIDTH + 1)),
    "houlsby": (houlsby, range(1, WIDTH + 1)),
    "peft/oft": (oft, [b for b in range(2, WIDTH + 1) if WIDTH % b == 0]),
    "prompt_tuning": (prompt, range(1, CONTEXT - 32 + 1)),
}


@pytest.mark.parametrize("budget", [1e-4, 0.01, 0.03, 0.1, 0.4])
@pytest.mark.parametrize("method", METHODS)
def test_size_is_the_one_whose_closed_form_is_closest(request_for, method, budget):
    adapter, accepted = METHODS[method]

    def off(size: int) -> float:
        return abs((adapter(size) + HEAD) / (BASE + adapter(size) + HEAD) - budget)

    assert sized(request_for(f"method={method}"), budget).size == min(accepted, key=off)


def test_method_without_a_size_stays_as_it_is(request_for):
    request = request_for("method=ia3")
    assert sized(request, 0.01) == request.method


def test_method_that_refuses_every_size_says_why(request_for):
    with pytest.raises(ConfigError, match="Unsupported model type for adaption prompt"):
        sized(request_for("method=peft/adaption_prompt"), 0.01)


def test_refusal_told_is_that_of_the_size_at_hand(request_for):
    with pytest.raises(ConfigError, match=r"method.num_virtual_tokens=16: leaves 112 of 128"):
        sized(request_for("method=prompt_tuning", seq_len=CONTEXT), 0.01)


@pytest.fixture
def asked(trial_of: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    def make(method: str) -> dict[str, Any]:
        config = trial_of(f"method={method}", "measure.forgetting=null", "task.max_length=32")
        plain = config.as_dict()
        plain["model"] = {"name": "small", "pooling": "mean", "source": {
            "kind": "architecture", "architecture": MODEL.source.architecture}}  # fmt: skip
        return {"config": plain, "classes": CLASSES, "budget": 0.03}

    return make


def test_trials_are_answered_with_size_and_share_or_with_a_refusal(asked):
    size, fixed, refused = sizes([asked(m) for m in ("lora", "bitfit", "peft/adaption_prompt")])[
        "found"
    ]
    trained = lora(size["size"]) + HEAD
    assert size["share"] == trained / (BASE + trained)
    assert size["refusal"] is None
    biases = LAYERS * (4 * WIDTH + INNER + WIDTH + 2 * WIDTH) + WIDTH  # those of the norms, too
    assert fixed == {"size": None, "share": (biases + HEAD) / (BASE + HEAD), "refusal": None}
    assert (refused["size"], refused["share"]) == (None, None)
    assert "Unsupported model type" in refused["refusal"]


def test_method_that_cannot_be_counted_is_named(asked, monkeypatch):
    def no_kernel(request: Request) -> None:
        raise NotImplementedError("aten::svd on meta")

    monkeypatch.setattr(module, "counted", no_kernel)
    with pytest.raises(ConfigError, match=r"method=lora: cannot be counted .* give it a size"):
        sizes([asked("lora")])
