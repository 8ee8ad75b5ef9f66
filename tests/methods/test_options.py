"""Options that do not fit are refused with the field, the value and what would be right."""

from __future__ import annotations

import pytest

from harness.errors import ConfigError
from tests.backbones import build


@pytest.mark.parametrize(
    ("overrides", "backbone", "message"),
    [
        (("lora", "size=33"), "bert", "method.rank=33: must be at most 32"),
        (("houlsby", "size=33"), "bert", "method.bottleneck_dim=33: must be at most 32"),
        (("prompt_tuning", "size=64"), "bert", "num_virtual_tokens=64: must be below .* 64"),
        (("ia3", "method.rank=8"), "bert", "method.rank=8: "),
        (("full", "method.rank=8"), "bert", "method.rank=8: full has no options"),
        (("lora", "method.lora_alhpa=8"), "bert", "did you mean lora_alpha"),
        (("lora", "method.target_modules=[qury]"), "bert", "did you mean query"),
        (("houlsby", "method.non_linearity=gelo"), "bert", "did you mean gelu"),
        (("parallel", "method.beside=[ffn]"), "bert", "must be a list of one or both of attention"),
        (("parallel", "method.beside=[]"), "bert", r"method.beside=\[\]: must be a list"),
        (("parallel", "method.beside=[attention]"), "gpt2", "needs attention with a query"),
        (("parallel", "method.besides=[ffn]"), "bert", "did you mean beside"),
        (("bitfit",), "llama", "method=bitfit: needs a model with bias terms"),
        (("prefix_tuning",), "distilbert", "needs a model that takes past_key_values"),
        (("peft/lora", "size=33"), "bert", "method.r=33: must be at most 32"),
        (("peft/oft", "size=5"), "bert", "method.oft_block_size=5: must divide 32"),
        (("peft/vera", "method.vera_droput=0.1"), "bert", "did you mean vera_dropout"),
        (("peft/vera", "method.target_modules=[qury]"), "bert", "did you mean query"),
        (("peft/boft", "method.boft_n_butterfly_factor=2"), "bert", "=2: must be 1"),
        (("peft/c3a", "size=5"), "bert", "method=peft/c3a: .*block size"),
        (("peft/adalora", "method.total_step=5"), "bert", "is train.steps; leave it out"),
        (("peft/cartridge",), "distilbert", "needs a model that takes past_key_values"),
        (("peft/prompt_tuning", "size=64"), "bert", "num_virtual_tokens=64: must be below .* 64"),
        (("peft/cpt",), "llama", "method=peft/cpt: .*CAUSAL_LM"),
        (("peft/xlora",), "llama", "method=peft/xlora: mixes LoRA adapters that were trained"),
        (("peft/loha",), "gpt2", "method=peft/loha: does not take the Conv1D maps of GPT2Model"),
        (("peft/osf",), "gpt2", "method=peft/osf: finds nothing to train in GPT2Model"),
        (("ia3",), "gpt2", "needs key and value projections of their own"),
    ],
)
def test_option_that_does_not_fit(method_of, overrides, backbone, message):
    with pytest.raises(ConfigError, match=message):
        method_of(*overrides).adapt(build(backbone))


def test_options_reach_peft_under_its_own_names(method_of):
    adapted = method_of("lora", "size=4", "method.lora_alpha=64", "method.use_rslora=true").adapt(
        build("bert")
    )
    config = adapted.peft_config["default"]
    assert (config.r, config.lora_alpha, config.use_rslora) == (4, 64, True)


def test_implementation_that_is_no_method_is_refused(method_of):
    with pytest.raises(ConfigError, match="must be module:Class of a harness"):
        method_of("lora", "method.implementation=json:JSONDecoder")


def test_type_that_peft_does_not_have_is_answered_with_the_nearest(method_of):
    with pytest.raises(ConfigError, match=r"method\.peft_type=verra: did you mean vera"):
        method_of("peft/vera", "method.peft_type=verra")
