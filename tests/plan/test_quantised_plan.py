"""A base in four bits as a plan, held to the same one made of numbers."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from transformers import AutoConfig, AutoModel, BitsAndBytesConfig, PreTrainedModel

from harness import extras
from harness.config import ModelConfig, Source, TrainConfig
from harness.errors import ConfigError
from harness.measure.memory import Peak, inference_peak, training_peak
from harness.measure.quantised import constants, numbers
from harness.models import TaskModel, load_backbone, outline
from harness.plan.fake import materialise
from harness.plan.quantised import quantise
from harness.training import backward, update
from tests import backbones
from tests.backbones import build, trained

needs_bitsandbytes = pytest.mark.skipif(
    find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"
)

WIDTH = 256
TWICE, ONCE = "bnb_4bit_use_double_quant=true", "bnb_4bit_use_double_quant=false"
FP4, HALF = "bnb_4bit_quant_type=fp4", "bnb_4bit_compute_dtype=bfloat16"


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(backbones, "WIDTH", WIDTH)
    monkeypatch.setattr(backbones, "INNER", 704)

    def save(name: str) -> ModelConfig:
        build(name).save_pretrained(tmp_path)
        return ModelConfig("own", Source(kind="path", path=str(tmp_path)), pooling="mean")

    return save


def real(method: Any, model: ModelConfig) -> PreTrainedModel:
    backbone = load_backbone(model, method.quantization)
    for module in backbone.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            # Else this CPU may repack weights for inference, which no GPU does.
            module.support_avx512bf16_for_cpu = False
    return backbone


def stored(model: nn.Module) -> list[tuple[Any, ...]]:
    """All tensors of a model: of which parameter, shape, type, whether trained."""
    kept: list[tuple[Any, ...]] = []
    for name, p in model.named_parameters():
        kept.append((name, p.shape, p.dtype, p.requires_grad, numbers(p)))
        kept += [(name, tensor.shape, tensor.dtype) for tensor in constants(p)]
    return kept


def batch(examples: int, length: int) -> dict[str, torch.Tensor]:
    shape = examples, length
    mask = torch.ones(shape, dtype=torch.long)
    mask[0, -3:] = 0  # Without padding transformers would leave the mask out, if it could know.
    labels = torch.zeros(examples, dtype=torch.long)
    return {"input_ids": torch.ones_like(mask), "attention_mask": mask, "labels": labels}


def training(model: nn.Module, tokens: dict[str, torch.Tensor], recipe: TrainConfig) -> Peak:
    optimizer = torch.optim.AdamW(trained(model.train()))

    def step() -> None:
        backward(model, tokens, nn.functional.cross_entropy, recipe)
        update(optimizer, clip=1.0)

    return training_peak(step, model, optimizer)


def inference(model: nn.Module, tokens: dict[str, torch.Tensor]) -> Peak:
    model.eval()
    return inference_peak(lambda: model(tokens["input_ids"], tokens["attention_mask"]), model)


@needs_bitsandbytes
class TestQuantise:
    @pytest.mark.parametrize("architecture", ["bert", "llama", "t5", "gpt2"])
    def test_the_same_tensors_are_packed_as_in_a_loaded_model(self, method_of, saved, architecture):
        method, model = method_of("qlora", "size=4"), saved(architecture)
        planned = quantise(outline(model), method.quantization)
        assert all(p.is_meta for p in planned.parameters())
        assert stored(planned) == stored(real(method, model))

    @pytest.mark.parametrize("option", [TWICE, ONCE, FP4])
    def test_adapted_tensors_are_the_same_too(self, method_of, saved, option):
        method, model = method_of("qlora", "size=4", f"method.{option}"), saved("llama")
        planned = method.adapt(quantise(outline(model), method.quantization))
        with FakeTensorMode():
            materialise(planned)
        assert all(isinstance(p, FakeTensor) for p in planned.parameters())
        assert all(isinstance(t, FakeTensor) for p in planned.parameters() for t in constants(p))
        assert stored(planned) == stored(method.adapt(real(method, model)))

    @pytest.mark.parametrize("twice", [True, False])
    def test_maps_take_half_a_byte_a_weight_and_constants_their_share(
        self, method_of, saved, twice
    ):
        option = f"method.{TWICE if twice else ONCE}"
        method, model = method_of("qlora", "size=4", option), saved("llama")
        planned = quantise(outline(model), method.quantization)
        packed = [p for p in planned.parameters() if hasattr(p, "quant_state")]
        assert len(packed) == 2 * 7
        for p in packed:
            blocks = numbers(p) // 64
            # 16 values of the type; and 256 of the constants' own, with an offset and blocks of 256
            own = blocks + 4 * -(-blocks // 256) + 4 * 256 + 4 if twice else 4 * blocks
            assert p.numel() * p.element_size() == numbers(p) / 2
            assert sum(t.numel() * t.element_size() for t in constants(p)) == own + 4 * 16

    def test_the_file_has_the_bytes_that_a_plan_says(self, method_of, saved, tmp_path):
        method, model = method_of("qlora", "size=4"), saved("llama")
        method.save(method.adapt(real(method, model)), tmp_path / "adapter")
        (written,) = (tmp_path / "adapter").glob("*.safetensors")
        planned = method.adapt(quantise(outline(model), method.quantization))
        assert method.file_bytes(planned) == written.stat().st_size

    def test_a_model_loads_after_a_plan(self, method_of, saved, monkeypatch):
        from bitsandbytes import functional

        monkeypatch.setattr(functional, "name2qmap", {})
        method, model = method_of("qlora", "size=4"), saved("llama")
        quantise(outline(model), method.quantization)
        packed = [p for p in real(method, model).parameters() if hasattr(p, "quant_state")]
        assert all(t.device.type == "cpu" for p in packed for t in constants(p))

    def test_the_rest_of_a_model_in_half_precision_is_so_too(self, method_of, saved):
        method, model = method_of("qlora", "size=4"), saved("bert")
        source, wanted = model.source.path, {"dtype": torch.bfloat16}
        loaded = AutoModel.from_pretrained(
            source, quantization_config=method.quantization, add_pooling_layer=False, **wanted
        )
        with torch.device("meta"):
            config = AutoConfig.from_pretrained(source)
            planned = AutoModel.from_config(config, add_pooling_layer=False, **wanted)
        planned = method.adapt(quantise(planned, method.quantization))
        assert stored(planned) == stored(method.adapt(loaded))

    def test_eight_bits_are_refused(self, saved):
        with pytest.raises(ConfigError, match="can be planned in four bits only"):
            quantise(outline(saved("llama")), BitsAndBytesConfig(load_in_8bit=True))


@needs_bitsandbytes
@pytest.mark.parametrize(("examples", "length"), [(2, 16), (4, 48)])
@pytest.mark.parametrize("option", [TWICE, ONCE, HALF])
def test_planned_peaks_are_real_ones(trial_of, method_of, saved, option, examples, length):
    recipe = trial_of().train
    method, model = method_of("qlora", "size=4", f"method.{option}"), saved("llama")
    whole = TaskModel(method.adapt(real(method, model)), nn.Linear(WIDTH, 2), "mean")
    tokens = batch(examples, length)
    expected = training(whole, tokens, recipe), inference(whole, tokens)
    backbone = method.adapt(quantise(outline(model), method.quantization))
    with torch.device("meta"):
        planned = TaskModel(backbone, nn.Linear(WIDTH, 2), "mean")
    with FakeTensorMode():
        materialise(planned)
        tokens = batch(examples, length)
        found = training(planned, tokens, recipe), inference(planned, tokens)
    assert found == expected


@needs_bitsandbytes
def test_a_peak_holds_the_weight_that_a_product_unpacks(method_of, saved):
    method, model = method_of("qlora", "size=4"), saved("llama")
    planned = quantise(outline(model), method.quantization)
    with FakeTensorMode():
        materialise(planned)
        largest = planned.layers[0].mlp.up_proj
        states = torch.zeros(1, WIDTH)
        found = inference_peak(lambda: largest(states), largest)
    blocks = WIDTH * 704 // 64
    made = 704 * WIDTH + blocks  # in float32: the weight, and its constants until it is there
    assert found.activations == 4 * (made + WIDTH + 704)


def test_without_the_library_a_plan_says_what_to_install(method_of, monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"method=qlora: needs bitsandbytes, .* pip install"):
        method_of("qlora", "size=4").quantization  # noqa: B018
