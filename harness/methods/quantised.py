"""Low-rank updates of a base whose weights are stored in four bits."""

from __future__ import annotations

import torch
from peft import PeftModel, get_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers import BitsAndBytesConfig, PreTrainedModel

from harness.errors import ConfigError, nearest
from harness.extras import require_bitsandbytes
from harness.methods.low_rank import LoRA

TYPES = ("nf4", "fp4")
DTYPES = ("float32", "bfloat16", "float16")


class QLoRA(LoRA):
    """LoRA on a frozen base in NF4 with quantised constants. Dettmers 2023, arXiv 2305.14314.

    Merging gives a base in float32: the dequantised weights plus the update. It holds no error
    of its own, but also no longer four bits.
    """

    own_options = frozenset(
        {"bnb_4bit_quant_type", "bnb_4bit_use_double_quant", "bnb_4bit_compute_dtype"}
    )

    @property
    def quantization(self) -> BitsAndBytesConfig:
        self._check()
        options = self.config.options
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=options["bnb_4bit_quant_type"],
            bnb_4bit_use_double_quant=options["bnb_4bit_use_double_quant"],
            bnb_4bit_compute_dtype=getattr(torch, options["bnb_4bit_compute_dtype"]),
        )

    def adapt(self, backbone: PreTrainedModel) -> nn.Module:
        self._check()
        return super().adapt(backbone)

    def stored(self, adapted: nn.Module) -> dict[str, Tensor]:
        assert isinstance(adapted, PeftModel)
        # A state dict of the whole would hold the base's constants as numbers, and on the meta
        # device they are none.
        tensors = {name: parameter.detach() for name, parameter in adapted.named_parameters()}
        return get_peft_model_state_dict(adapted, tensors, save_embedding_layers=False)

    def merge(self, adapted: nn.Module) -> nn.Module:
        assert isinstance(adapted, PeftModel)
        # bitsandbytes repacks weights for inference on a CPU, and undoes it for a state dict alone.
        adapted.state_dict()
        updates = {
            path: layer.get_delta_weight(adapted.active_adapter)  # type: ignore[attr-defined]
            for path, layer in adapted.get_base_model().named_modules()
            if isinstance(layer, LoraLayer)
        }
        base = adapted.unload().dequantize()
        for path, update in updates.items():
            base.get_submodule(path).weight.data += update
        return base

    def _check(self) -> None:
        require_bitsandbytes("method", self.config.name)
        for option, known in (("bnb_4bit_quant_type", TYPES), ("bnb_4bit_compute_dtype", DTYPES)):
            value = self.config.options[option]
            if value not in known:
                raise ConfigError(f"method.{option}", value, nearest(str(value), known))
