from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from harness.measure.device import Cpu
from harness.measure.latency import Timing, interleaved
from harness.measure.serving import answered_by, held_bytes, throughput
from harness.measure_config import ServingConfig
from harness.methods.serving import Adapters
from harness.models import TaskModel
from harness.phases import serving
from harness.workbench import Workbench
from tests.backbones import INNER, LAYERS, VOCABULARY, WIDTH, build, disturb
from tests.measure.test_latency import MS, FakeClock

RANK = 4
LORA = RANK * LAYERS * (4 * 2 * WIDTH + 2 * (WIDTH + INNER))  # parameters of all linear maps


class TestHeldBytes:
    def test_parameters_and_buffers_count_with_their_own_sizes(self):
        norm = nn.BatchNorm1d(8)  # two parameters and two buffers of eight, and a count of int64
        assert held_bytes(norm) == 4 * 8 * 4 + 8

    def test_what_shares_memory_counts_once(self):
        layers = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False))
        layers[1].weight = layers[0].weight
        assert held_bytes(layers, [layers[0].weight.data.t()]) == 8 * 8 * 4

    def test_tensors_that_a_module_keeps_beside_its_parameters_count(self):
        module = nn.Module()
        module.indices = {"default": [torch.zeros(3, dtype=torch.int64)]}  # type: ignore[assignment]
        assert held_bytes(module) == 3 * 8

    def test_a_view_holds_its_whole_storage_and_meta_holds_nothing(self):
        module = nn.Module()
        module.row = torch.zeros(4, 8)[0]  # type: ignore[assignment]
        module.outline = torch.zeros(4, 8, device="meta")  # type: ignore[assignment]
        assert held_bytes(module) == 4 * 8 * 4


class TestAnsweredBy:
    # Two adapters, three requests, answers that are far apart.
    ANSWERS = torch.tensor([[[0.0], [0.0], [0.0]], [[1.0], [1.0], [1.0]]])

    @pytest.mark.parametrize(
        ("found", "expected"),
        [
            ([0.0, 1.0, 0.0], True),
            ([0.05, 0.95, 0.0], True),  # rounding
            ([0.0, 0.0, 0.0], False),  # the active adapter for all
            ([1.0, 0.0, 1.0], False),
            ([0.0, 0.5, 0.0], False),  # nobody's
            ([0.0, float("nan"), 0.0], False),
        ],
    )
    def test_a_request_needs_the_answer_of_its_own_adapter(self, found, expected):
        answers = torch.tensor(found).unsqueeze(-1)
        assert answered_by(answers, self.ANSWERS, [0, 1, 0]) is expected

    def test_adapters_that_answer_alike_prove_nothing(self):
        assert not answered_by(torch.zeros(3, 1), torch.zeros(2, 3, 1), [0, 1, 0])


def timed(**milliseconds: float) -> Timing:
    clock = FakeClock()
    subjects = {name: clock.subject(name, ms) for name, ms in milliseconds.items()}
    return interleaved(subjects, seconds=0, rounds=30, warmups=1, seed=0, clock=clock)


class TestThroughput:
    def test_rates_and_their_ratios_follow_from_the_times(self):
        found = throughput(timed(merged=10, same=16, mixed=20, one_at_a_time=40), requests=8)
        assert found["requests_per_s"] == pytest.approx(
            {"merged": 800, "same": 500, "mixed": 400, "one_at_a_time": 200}
        )
        # Above 1 where the first serves more.
        for name, value in (
            ("mixed_over_one_at_a_time", 2),
            ("mixed_over_merged", 0.5),
            ("one_at_a_time_over_merged", 0.25),
        ):
            assert found[name] == {"value": value, "ci_low": value, "ci_high": value}
        assert found["stable"]

    def test_what_was_not_timed_is_null_and_so_are_its_ratios(self):
        found = throughput(timed(same=10, one_at_a_time=40), requests=4)
        assert found["requests_per_s"]["merged"] is found["requests_per_s"]["mixed"] is None
        assert found["mixed_over_merged"] is found["mixed_over_one_at_a_time"] is None
        assert found["one_at_a_time_over_merged"] is None

    def test_ratios_are_taken_round_by_round(self):
        # A machine that slows down threefold on the way: the rates spread, their ratio does not.
        merged = tuple(MS * (10 + i) for i in range(20))
        mixed = tuple(2 * sample for sample in merged)
        samples = {"merged": merged, "mixed": mixed}
        cold = dict.fromkeys(samples, 1)
        found = throughput(Timing(samples, cold, 0, False, tuple(range(20))), requests=1)
        assert found["mixed_over_merged"] == {"value": 0.5, "ci_low": 0.5, "ci_high": 0.5}
        assert not found["stable"]


class Bench:
    """What the phase asks of a workbench, around a tiny BERT."""

    device = Cpu()

    def __init__(self, method: Any, folder: Any, batch_size: int = 3) -> None:
        self.method, self.folder = method, folder
        settings = ServingConfig(adapters=(1, 3), batch_size=batch_size, seconds=0, rounds=4)
        self.trial = SimpleNamespace(seed=0, measure=SimpleNamespace(serving=settings, warmups=1))
        adapted = method.adapt(build("bert"))
        disturb(adapted)
        method.save(adapted, folder)

    def requests(self, batch_size: int) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(2)
        input_ids = torch.randint(VOCABULARY, (batch_size, 9), generator=generator)
        return {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}

    def headed(self, backbone: nn.Module) -> TaskModel:
        return TaskModel(backbone, nn.Linear(WIDTH, 2), "mean").eval()

    def base(self) -> TaskModel:
        return self.headed(build("bert"))

    def restored(self) -> TaskModel:
        return self.headed(self.method.restore(build("bert"), self.folder))

    def merged(self, model: TaskModel) -> TaskModel:
        return self.headed(self.method.merge(model.backbone))

    merged_copy = Workbench.merged_copy


BASE = held_bytes(build("bert"))


@pytest.fixture
def served(method_of, tmp_path):
    def run(method: str, *overrides: str) -> dict[str, Any]:
        return serving.run(Bench(method_of(method, *overrides), tmp_path))["serving"]  # type: ignore[arg-type]

    return run


class TestPhase:
    def test_lora_adds_its_own_weights_per_adapter_and_mixes_them_in_a_batch(self, served):
        found = served("lora", f"size={RANK}")
        assert found["bytes_per_adapter"] == 4 * LORA
        rows = [(row["adapters"], row["bytes"], row["full_models_bytes"], row["loaded"])
                for row in found["adapters"]]  # fmt: skip
        assert rows == [
            (1, BASE + 4 * LORA, BASE, True),
            (3, BASE + 3 * 4 * LORA, 3 * BASE, True),
        ]
        assert found["adapters"][0]["switch_ms"] is None
        assert found["adapters"][1]["switch_ms"] == found["switch"]["median_ms"] > 0
        assert found["switch"]["adapters"] == found["loaded"] == 3
        assert all(rate > 0 for rate in found["requests_per_s"].values())
        assert found["mixed_max_abs_difference"] < 1e-5
        assert found["reason"] is None
        assert set(found) == set(serving.NOTHING)

    def test_ia3_whose_mixed_batch_peft_answers_wrongly_is_caught(self, served):
        found = served("ia3")
        assert "another's adapter" in found["reason"]
        assert found["requests_per_s"]["mixed"] is None
        assert found["mixed_over_merged"] is found["mixed_max_abs_difference"] is None
        assert found["one_at_a_time_over_merged"]["value"] > 0

    def test_refusal_of_a_mixed_batch_is_told_and_spoils_no_other_figure(self, served):
        # peft leaves hooks in a model that has refused; what is timed must not be that one.
        found = served("dora", f"size={RANK}")
        assert "DoRA" in found["reason"]
        assert found["requests_per_s"]["same"] > 0
        assert found["requests_per_s"]["one_at_a_time"] > 0

    @pytest.mark.parametrize("method", ["bitfit", "full"])
    def test_what_is_trained_in_place_takes_its_own_weights_per_adapter(self, served, method):
        found = served(method)
        selected = [p for name, p in build("bert").named_parameters()
                    if method == "full" or name.endswith("bias")]  # fmt: skip
        each = sum(p.nbytes for p in selected)
        assert found["bytes_per_adapter"] == each
        assert [row["bytes"] for row in found["adapters"]] == [BASE, BASE + 2 * each]
        assert found["requests_per_s"]["one_at_a_time"] > 0
        assert "trained in place" in found["reason"]

    def test_prompt_is_switched_and_not_mixed(self, served):
        found = served("prompt_tuning", "size=5")
        # The vectors, and the numbers of the virtual tokens, which peft keeps too.
        assert found["bytes_per_adapter"] == 5 * (4 * WIDTH + 8)
        assert found["requests_per_s"]["merged"] is found["requests_per_s"]["mixed"] is None
        assert found["reason"]

    def test_head_alone_has_nothing_to_switch(self, served):
        found = served("head")
        assert "nothing to switch" in found.pop("reason")
        assert set(found.values()) == {None}

    def test_adapters_beyond_the_limit_are_counted_and_not_loaded(self, served, monkeypatch):
        monkeypatch.setattr(serving, "LOADED_BYTES", 4 * LORA)
        found = served("lora", f"size={RANK}")
        last = found["adapters"][-1]
        assert (last["adapters"], last["bytes"], last["loaded"]) == (3, BASE + 12 * LORA, False)
        assert last["switch_ms"] is None
        assert found["loaded"] == found["switch"]["adapters"] == 2

    def test_switch_that_does_not_take_hold_leaves_a_reason_and_no_figures(
        self, method_of, tmp_path
    ):
        class Stuck(Adapters):
            """Says that it switches, and answers with the first adapter always."""

            def __init__(self, model: nn.Module) -> None:
                super().__init__(model, list(model.parameters())[-1:])

            def switch(self, number: int) -> None:
                pass

            def mixed(self, numbers: Any) -> dict[str, Any]:
                return {}

            def make(self) -> list[torch.Tensor]:
                return [torch.zeros(1)]

        method = method_of("head")
        method.serve = Stuck
        found = serving.run(Bench(method, tmp_path))["serving"]  # type: ignore[arg-type]
        assert "does not answer as the one that has this adapter alone" in found.pop("reason")
        assert set(found.values()) == {None}

    def test_more_requests_than_adapters_take_turns(self, method_of, tmp_path):
        bench = Bench(method_of("lora", f"size={RANK}"), tmp_path, batch_size=7)
        found = serving.run(bench)["serving"]  # type: ignore[arg-type]
        assert (found["batch_size"], found["loaded"]) == (7, 3)
        assert found["mixed_max_abs_difference"] < 1e-5
