"""What sits beside a sublayer, through what a model goes through."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from peft import get_peft_model
from torch import nn
from transformers import T5Config, T5Model

from harness.methods.bottleneck.config import BottleneckConfig
from tests.backbones import LAYERS, WIDTH, build, disturb, states, trained

BACKBONES = ("bert", "distilbert", "llama", "gpt2")
BOTH = "method.beside=[attention,feed_forward]"


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_pre_hooks) for module in model.modules())


def gradients(model: nn.Module) -> list[torch.Tensor]:
    model.train()
    output = model(input_ids=torch.arange(12).reshape(2, 6), attention_mask=torch.ones(2, 6))
    output.last_hidden_state.pow(2).sum().backward()
    found = [parameter.grad for parameter in trained(model)]
    assert all(gradient is not None for gradient in found)
    return found


@pytest.mark.parametrize("backbone", BACKBONES)
def test_unloading_leaves_the_base_and_no_hook(method_of, backbone):
    base = build(backbone)
    before = hooks(base)
    adapted = method_of("parallel", "size=4").adapt(base).eval()
    disturb(adapted)
    assert hooks(adapted) == before + LAYERS
    unloaded = adapted.unload()
    assert hooks(unloaded) == before
    assert list(unloaded.state_dict()) == list(build(backbone).state_dict())
    assert torch.equal(states(unloaded), states(build(backbone)))


# Its next name is not in every transformers that the project runs on.
@pytest.mark.filterwarnings("ignore:.gradient_checkpointing_enable. is deprecated:FutureWarning")
@pytest.mark.parametrize("backbone", BACKBONES)
def test_gradients_are_the_same_with_checkpointing(method_of, backbone):
    found = []
    for checkpointed in (False, True):
        base = build(backbone)
        for module in base.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        adapted = method_of("parallel", "size=4").adapt(base)
        disturb(adapted)
        if checkpointed:
            base.gradient_checkpointing_enable({"use_reentrant": False})
            assert base.is_gradient_checkpointing
        found.append(gradients(adapted))
    for plain, recomputed in zip(*found, strict=True):
        torch.testing.assert_close(recomputed, plain)


def test_a_copy_reads_its_own_sublayers(method_of):
    adapted = method_of("parallel", "size=4").adapt(build("bert")).eval()
    disturb(adapted)
    expected = states(adapted)
    copied = deepcopy(adapted)
    disturb(adapted)
    assert torch.equal(states(copied), expected)
    copied.unload()
    assert hooks(copied) == 0
    assert hooks(adapted) == LAYERS


def test_both_sublayers_get_a_bottleneck_where_asked_for(method_of):
    adapted = method_of("parallel", "size=4", BOTH).adapt(build("llama"))
    counted = sum(parameter.numel() for parameter in trained(adapted))
    assert counted == 2 * LAYERS * (2 * WIDTH * 4 + 4 + WIDTH)


def test_a_sequential_adapter_does_not_take_the_place_of_a_parallel_one(method_of):
    adapted = method_of("parallel", "size=4").adapt(build("bert"))
    sequential = method_of("houlsby", "size=4").peft_config(build("bert"))
    with pytest.raises(ValueError, match="carries a bottleneck in another placement"):
        adapted.add_adapter("other", sequential)


def test_it_sits_in_both_stacks_of_an_encoder_decoder():
    """A T5 looks at the weight of the map that ends its feed-forward."""
    torch.manual_seed(0)
    sizes = {"vocab_size": 101, "d_model": WIDTH, "d_kv": 8, "d_ff": 64, "num_heads": 4}
    base = T5Model(T5Config(**sizes, num_layers=1)).eval()
    inputs = base.dummy_inputs
    expected = base(**inputs).last_hidden_state
    blocks = ("encoder.block.0.layer.1", "decoder.block.0.layer.2")
    reads = {f"{block}.DenseReluDense.wo": f"{block}.DenseReluDense.wi" for block in blocks}
    config = BottleneckConfig(
        target_modules=list(reads), reads=reads, hidden_size=WIDTH, bottleneck_dim=4
    )
    adapted = get_peft_model(base, config)
    torch.testing.assert_close(adapted(**inputs).last_hidden_state, expected)
    disturb(adapted)
    changed = adapted(**inputs)
    assert not torch.allclose(changed.last_hidden_state, expected, atol=1e-2)
    changed.last_hidden_state.pow(2).sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in trained(adapted))
    torch.testing.assert_close(adapted.unload()(**inputs).last_hidden_state, expected)


def test_norm_that_is_not_found_is_told(method_of, monkeypatch):
    monkeypatch.setattr("harness.methods.bottleneck.parallel.norms", lambda module: ())
    method = method_of("parallel", "size=4", "method.before_norm=true")
    with pytest.raises(ValueError, match=r"no norm found that .*gate_proj reads"):
        method.adapt(build("llama"))
