"""What a method adds can be switched off, where it lies beside the base's weights."""

from __future__ import annotations

import pytest
import torch

from harness.methods import NotSwitchable
from tests.backbones import build, disturb, states

PROMPTS = ["prompt_tuning", "prefix_tuning", "p_tuning", "p_tuning_v2"]


@pytest.mark.parametrize(
    ("method", "backbone"),
    [
        *((method, "bert") for method in ("lora", "dora", "ia3", "houlsby", "parallel", *PROMPTS)),
        *((method, "llama") for method in ("lora", "pfeiffer", *PROMPTS)),
        ("prompt_tuning", "t5"),
        ("prefix_tuning", "t5"),
    ],
)
def test_switched_off_it_computes_what_the_base_does_and_then_again_its_own(
    method_of, method, backbone
):
    found = method_of(method, "size=4")
    base = states(build(backbone))
    adapted = found.adapt(build(backbone)).eval()
    disturb(adapted)
    own = states(adapted)
    assert (own - base).abs().max() > 1e-3
    with found.switched_off(adapted):
        torch.testing.assert_close(states(adapted), base, rtol=0, atol=1e-6)
    assert torch.equal(states(adapted), own)


def test_switch_of_a_prompt_comes_back_after_an_error(method_of):
    found = method_of("prompt_tuning", "size=4")
    adapted = found.adapt(build("bert")).eval()
    own = states(adapted)
    with pytest.raises(KeyError), found.switched_off(adapted):
        raise KeyError
    assert torch.equal(states(adapted), own)


@pytest.mark.parametrize("method", ["full", "bitfit", "head"])
def test_what_is_trained_in_place_has_no_switch(method_of, method):
    found = method_of(method)
    with pytest.raises(NotSwitchable, match="no weights beside the base's own"):
        found.switched_off(found.adapt(build("bert")))
