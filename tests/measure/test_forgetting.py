"""The loss on plain text, from its formula to the phase that takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.measure.forgetting import increase, per_token
from harness.phases import forgetting, train
from harness.workbench import Workbench


def test_loss_per_token_weighs_texts_by_their_tokens():
    assert per_token([6.0, 2.0], [3, 1]) == 2.0
    assert per_token([6.0, 1.0], [2, 2]) == 1.75


def test_what_did_not_change_was_not_forgotten():
    before = np.random.default_rng(0).random(30)
    found = increase(before, before, np.full(30, 5), seed=0)
    assert (found.value, found.ci_low, found.ci_high) == (0.0, 0.0, 0.0)


def test_interval_of_noise_contains_zero_and_that_of_a_shift_does_not():
    generator = np.random.default_rng(0)
    before, counts = generator.random(100) * 5, np.full(100, 5)
    noise = generator.normal(scale=0.5, size=100)
    null, shift = (increase(before, before + noise + by, counts, seed=0) for by in (0.0, 1.0))
    assert null.ci_low < 0 < null.ci_high
    assert shift.ci_low > 0
    # A shift of 1 nat in a text of 5 tokens is one of 0.2 nats per token.
    assert shift.value - null.value == pytest.approx(0.2)


def test_interval_is_paired():
    # Texts differ by far more than training changed any of them.
    before = np.linspace(1, 100, 50)
    found = increase(before, before + 0.5, np.ones(50), seed=0)
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx((0.5, 0.5, 0.5))


def test_too_few_texts_carry_no_interval():
    found = increase([1.0] * 5, [2.0] * 5, [1] * 5, seed=0)
    assert (found.value, found.ci_low, found.ci_high) == (1.0, None, None)


@pytest.mark.network
class TestPhase:
    @pytest.fixture
    def forgotten(self, trial_of, tmp_path: Path):
        """The record of bert_tiny after a few steps of a method."""

        def run(*overrides: str) -> dict[str, Any]:
            trial = trial_of("sweep=smoke", "size=4", "device=cpu", *overrides)
            bench = Workbench(trial, tmp_path)
            model = bench.fresh()
            if bench.method.trains_by_steps:
                train._train_by_steps(bench, model)
            bench.save(model)
            return forgetting.run(Workbench(trial, tmp_path))["forgetting"]

        return run

    @pytest.mark.parametrize(
        "method", ["lora", "pfeiffer", "prompt_tuning", "prefix_tuning", "ia3"]
    )
    def test_base_with_the_adapter_off_is_the_base(self, forgotten, method):
        found = forgotten(f"method={method}", "train.learning_rate=1e-2")
        assert found["adapter_off"] == pytest.approx(found["before"], rel=1e-6)
        assert abs(found["after"] - found["before"]) > 1e-4
        assert found["reason"] is None

    def test_full_fine_tuning_forgets_more_at_a_larger_rate(self, forgotten):
        small, large = (
            forgotten("method=full", f"train.learning_rate={rate}") for rate in (1e-6, 1e-2)
        )
        assert small["before"] == large["before"]
        assert abs(small["increase"]["value"]) < 0.01
        assert large["increase"]["ci_low"] > 1
        assert large["increase"]["value"] == pytest.approx(large["after"] - large["before"])
        assert small["adapter_off"] is None
        assert "no weights beside the base's own" in small["reason"]

    def test_head_alone_forgets_nothing(self, forgotten):
        found = forgotten("method=head")
        assert found["after"] == found["before"]
        assert found["increase"] == {"value": 0.0, "ci_low": 0.0, "ci_high": 0.0}

    def test_record_says_what_was_asked(self, forgotten):
        found = forgotten("method=bitfit")
        assert found["objective"] == "masked_lm"
        # 30 tokens of a passage are not special; 15% of them are 4.
        assert (found["texts"], found["n"]) == (100, 100 * 4)

    def test_four_bits_are_told_apart_from_training(self, forgotten):
        pytest.importorskip("bitsandbytes")
        found = forgotten("method=qlora")
        # The base in four bits is another one than that in float32.
        assert abs(found["adapter_off"] - found["before"]) > 1e-3
