"""Outputs and gradients of the bottleneck methods against those of the `adapters` package.

What it computed is stored beside this file; `reference.py` there says how it was made.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn
from transformers import BertConfig, BertModel, LlamaConfig, LlamaModel, PreTrainedModel

from harness.methods import load_method
from harness.methods.base import Trained
from harness.methods.bottleneck.layer import BottleneckLayer
from harness.methods.fusion.layer import FusionLayer

CLOSE = 1e-5

OPTIONS = {
    "houlsby": ("houlsby", "method.non_linearity=swish"),
    "pfeiffer": ("pfeiffer",),
    "parallel": ("parallel", "method.before_norm=true"),
    "parallel_both": (
        "parallel",
        "method.before_norm=true",
        "method.beside=[attention,feed_forward]",
    ),
}


# As reference.py makes them: widths 16/4, 16/8 and 16/2.
FUSED = {
    "one": ("size=4",),
    "two": ("size=2",),
    "three": ("size=8", "method.non_linearity=gelu"),
}


class Reference:
    """What the package computed for one architecture."""

    def __init__(self, architecture: str) -> None:
        path = Path(__file__).with_name(f"reference_{architecture}.safetensors")
        with safe_open(path, framework="pt") as file:
            self.metadata = file.metadata()
            self.tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self.architecture = architecture

    def within(self, prefix: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(f"{prefix}/"): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(f"{prefix}/")
        }

    def backbone(self) -> PreTrainedModel:
        sizes: dict[str, Any] = json.loads(self.metadata["config"])
        model: PreTrainedModel
        if self.architecture == "bert":
            model = BertModel(BertConfig(**sizes), add_pooling_layer=False)
        else:
            model = LlamaModel(LlamaConfig(**sizes))
        model.load_state_dict(self.within("base"))
        return model.eval()

    def run(self, model: nn.Module) -> Tensor:
        """Token states, with the gradients of the same scalar as the package's in the weights."""
        states: Tensor = model(
            input_ids=self.tensors["input_ids"], attention_mask=self.tensors["attention_mask"]
        ).last_hidden_state
        (states * self.tensors["direction"]).sum().backward()
        return states.detach()


@pytest.fixture(params=["bert", "llama"])
def reference(request: pytest.FixtureRequest) -> Reference:
    return Reference(request.param)


def largest_difference(
    states: Tensor, weights: dict[str, nn.Parameter], expected: dict[str, Tensor]
) -> tuple[float, float]:
    """Between our states and the package's, and between our gradients and its."""
    gradients = {name: tensor for name, tensor in expected.items() if name.endswith(".gradient")}
    trained = {name for name, weight in weights.items() if weight.requires_grad}
    assert trained == {name.removesuffix(".gradient") for name in gradients}
    worst = 0.0
    for name, gradient in gradients.items():
        ours = weights[name.removesuffix(".gradient")].grad
        assert ours is not None
        # Softmax does not see what is the same for all adapters: the bias of the keys.
        assert gradient.abs().max() > 100 * CLOSE or name.endswith("key.bias.gradient")
        worst = max(worst, float((ours - gradient).abs().max()))
    return float((states - expected["states"]).abs().max()), worst


def fill(weights: dict[str, nn.Parameter], expected: dict[str, Tensor]) -> None:
    assert set(weights) <= set(expected)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(expected[name])


def bottlenecks(backbone: PreTrainedModel, adapter: str) -> dict[str, nn.Parameter]:
    """The weights of an adapted model's bottlenecks, named as the reference names them."""
    places = places_of(backbone)
    return {
        f"{places[path]}/{adapter}/{way}.{end}": parameter
        for path, layer in backbone.named_modules()
        if isinstance(layer, BottleneckLayer)
        for way, maps in (("down", layer.bottleneck_down), ("up", layer.bottleneck_up))
        for end, parameter in maps["default"].named_parameters()
    }


def places_of(backbone: PreTrainedModel) -> dict[str, str]:
    """LAYER/SUBLAYER by the path of a module that a bottleneck may be on."""
    stack = "encoder.layer" if isinstance(backbone, BertModel) else "layers"
    attention, *feed_forward = (
        ("attention.output.dense", "output.dense", "output.LayerNorm")
        if isinstance(backbone, BertModel)
        else ("self_attn.o_proj", "mlp.down_proj", "")
    )
    places = {}
    for index in range(backbone.config.num_hidden_layers):
        places[f"{stack}.{index}.{attention}"] = f"{index}/attention"
        for end in feed_forward:
            places[f"{stack}.{index}.{end}".rstrip(".")] = f"{index}/feed_forward"
    return places


def compare(
    case: str, reference: Reference, adapted: nn.Module, weights: dict[str, nn.Parameter]
) -> None:
    states, gradients = largest_difference(reference.run(adapted), weights, reference.within(case))
    print(f"{case} on {reference.architecture}: states {states:.1e}, gradients {gradients:.1e}")
    assert max(states, gradients) < CLOSE


@pytest.mark.parametrize("case", OPTIONS)
def test_bottlenecks_compute_what_the_reference_computes(method_of, reference, case):
    backbone = reference.backbone()
    adapted = method_of(*OPTIONS[case], "size=4").adapt(backbone).eval()
    weights = bottlenecks(backbone, "one")
    fill(weights, reference.within(case))
    compare(case, reference, adapted, weights)


def test_fusion_computes_what_the_reference_computes(trial_of, reference, tmp_path):
    sources = []
    for name, options in FUSED.items():
        config = trial_of("method=pfeiffer", *options).method
        backbone = reference.backbone()
        adapted = load_method(config).adapt(backbone)
        fill(bottlenecks(backbone, name), reference.within("fusion"))
        load_method(config).save(adapted, tmp_path / name)
        sources.append(Trained(name, config, tmp_path / name))
    backbone = reference.backbone()
    fusion = load_method(trial_of("method=adapter_fusion").method, sources)
    adapted = fusion.adapt(backbone).eval()
    places = places_of(backbone)
    weights = {
        f"{places[path]}/fusion/{role}.{end}": parameter
        for path, layer in backbone.named_modules()
        if isinstance(layer, FusionLayer)
        for role in ("query", "key", "value")
        for end, parameter in getattr(layer, f"fusion_{role}")["default"].named_parameters()
    }
    fill(weights, reference.within("fusion"))
    compare("fusion", reference, adapted, weights)


def test_what_parallel_reads_matters_on_a_pre_norm_model_alone(method_of, reference):
    """The default follows the paper and not the package."""
    states = []
    for option in ("true", "false"):
        backbone = reference.backbone()
        method = method_of("parallel", "size=4", f"method.before_norm={option}")
        adapted = method.adapt(backbone).eval()
        torch.manual_seed(0)
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                nn.init.normal_(parameter)
        states.append(reference.run(adapted))
    assert torch.equal(*states) == (reference.architecture == "bert")
