"""A base in four bits, as its structure: which maps are packed, and with what constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from transformers import BitsAndBytesConfig, PreTrainedModel
from transformers.quantizers.auto import AutoHfQuantizer
from transformers.utils.quantization_config import QuantizationConfigMixin

from harness.errors import ConfigError

CONSTANTS = ("absmax", "code", "offset")


def quantise(backbone: PreTrainedModel, quantization: QuantizationConfigMixin) -> PreTrainedModel:
    """A backbone on the meta device as transformers loads it with this quantisation.

    transformers chooses the maps, and bitsandbytes quantises them: its kernels know the shapes of
    what they give. A map of n weights becomes n / 2 bytes, with one constant in float32 for each
    64 weights, or one byte and 1 / 256 of a float32 where constants are quantised too (Dettmers
    2023, arXiv 2305.14314, section 3). Changes the backbone and returns it; raises ConfigError
    for anything but four bits.
    """
    if not (isinstance(quantization, BitsAndBytesConfig) and quantization.load_in_4bit):
        raise ConfigError("method", quantization.quant_method, "can be planned in four bits only")
    from bitsandbytes import functional
    from bitsandbytes.nn import Linear4bit, Params4bit

    # bitsandbytes keeps the first such table for good, and it would be one without numbers.
    functional.name2qmap.setdefault("dynamic", functional.create_dynamic_map())
    dtype = backbone.dtype
    quantizer = AutoHfQuantizer.from_config(quantization, pre_quantized=False)
    quantizer.preprocess_model(backbone, device_map=None)
    for module in backbone.modules():
        if isinstance(module, Linear4bit):
            weight = module.weight
            options = {**vars(weight), "quant_state": None}
            whole = weight.data.to(dtype)
            module.weight = Params4bit(whole, requires_grad=False, **options)._quantize("meta")
            # A CPU repacks weights for inference where it can; a plan takes the way of a GPU.
            module.support_avx512bf16_for_cpu = False
            if module.bias is not None:
                # Loading makes it anew, which undoes that transformers froze it with the map.
                module.bias = nn.Parameter(module.bias.to(dtype))
    quantizer.postprocess_model(backbone)
    return backbone


def replace_constants(packed: Tensor, new: Tensor, fake: Callable[[Tensor], Tensor]) -> None:
    """Hand what a parameter is unpacked with on to another one, each tensor through `fake`."""
    state = getattr(packed, "quant_state", None)
    if state is not None:
        new.quant_state = _replaced(state, fake)  # type: ignore[attr-defined]


def _replaced(state: Any, fake: Callable[[Tensor], Tensor]) -> Any:
    for name in CONSTANTS:
        if isinstance(held := getattr(state, name), Tensor):
            setattr(state, name, fake(held))
    if state.state2 is not None:
        _replaced(state.state2, fake)
    return state
