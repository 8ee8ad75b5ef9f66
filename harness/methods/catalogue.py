"""Every type of the installed peft through one method: `method=peft/TYPE`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig, PeftModel, PeftType, ShiraConfig
from peft.config import PromptLearningConfig
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from peft.tuners.boft import layer as boft
from peft.tuners.shira.layer import ShiraLayer
from torch import Tensor, nn
from transformers import PreTrainedModel

from harness.config import MethodConfig
from harness.errors import ConfigError, nearest
from harness.methods.anatomy import layers, norms
from harness.methods.base import Trained
from harness.methods.prompt import UNCACHED, PromptMethod, key_shape, unprefixed

# BOFT would compile a CUDA extension with the compiler at hand, anew for every layer where that
# fails. Anything but None passes for the outcome, and torch then does the same products.
boft._FBD_CUDA = False  # type: ignore[assignment]

# Where peft's own error would mislead.
IMPOSSIBLE = {"xlora": "mixes LoRA adapters that were trained before, and a trial has none of them"}

# Their update is random at the start: drawn coefficients, or vectors picked from a drawn bank.
STARTS_ELSEWHERE = ("c3a", "fourierft", "unilora", "vblora")

# They put keys and values before those of every layer.
PREFIXES = ("prefix_tuning", "cartridge")

# Their `r` is no rank of an update, which the widths of its map would bound: it is the rows of
# shared random matrices, a hidden width, or a count of weights.
UNBOUNDED = ("lily", "peanut", "pvera", "shadow", "shira", "vera")

# BOFT inverts a permutation, UniLoRA counts what it drew.
READ_OWN_VALUES = ("boft", "unilora")

# Several devices would train something else, or fail.
KEPT_WHOLE = {
    "lily": "weighs its experts by the mean over a batch, of which each device has rows",
    "osf": "hooks on the gradients of its tensors, which their pieces do not have",
    "shadow": "reads weights of layers outside of their passes",
}


class AnyPeft(PromptMethod):
    """A type of the installed peft, placed by what it acts on; its options are peft's.

    Where peft refuses the model or an option, the ConfigError tells that in peft's words.
    """

    def __init__(self, config: MethodConfig, sources: Sequence[Trained] = ()) -> None:
        super().__init__(config, sources)
        self.type = str(config.options.get("peft_type"))
        known = {kind.value.lower(): own for kind, own in PEFT_TYPE_TO_CONFIG_MAPPING.items()}
        if self.type not in known:
            raise ConfigError("method.peft_type", self.type, nearest(self.type, known))
        self.kind: type[PeftConfig] = known[self.type]
        self.is_prompt = issubclass(self.kind, PromptLearningConfig)
        self.reads_own_values = self.type in READ_OWN_VALUES
        self.starts_at_base = not self.is_prompt and self.type not in STARTS_ELSEWHERE

    @property
    def kept_whole(self) -> str | None:
        return KEPT_WHOLE.get(self.type)

    @property
    def computed_once(self) -> str | None:
        if self.type == "poly":
            return "reads which task an example is of, which peft tells in the forward pass alone"
        return UNCACHED if self.type in PREFIXES else None

    def peft_config(self, backbone: PreTrainedModel) -> PeftConfig:
        own = self.prompt(backbone) if self.is_prompt else self.places(backbone)
        options = self.options(self.kind, **own)
        self.check_options(backbone, options)
        config = self.kind(**options)
        if isinstance(config, ShiraConfig) and backbone.device.type == "meta":
            # It would look for what is set in a mask, which has no values here.
            config.mask_fn = None  # type: ignore[assignment]
        return config

    def adapt(self, backbone: PreTrainedModel) -> nn.Module:
        if self.type in IMPOSSIBLE:
            raise self.refused(IMPOSSIBLE[self.type])
        try:
            adapted = super().adapt(self.prepared(backbone))
        except ConfigError:
            raise
        except (AttributeError, ImportError, NotImplementedError, TypeError, ValueError) as error:
            if isinstance(error, NotImplementedError) and "meta" in str(error):
                raise  # a start from the weights (an SVD, say), of which there are none here
            kind = type(backbone).__name__
            told = str(error).splitlines()[0]
            known = f"does not take the Conv1D maps of {kind}" if "Conv1D" in told else told
            raise self.refused(known) from error
        trained = any(parameter.requires_grad for parameter in adapted.parameters())
        if not trained and not self.config.options.get("inference_mode"):
            raise self.refused(f"finds nothing to train in {type(backbone).__name__}")
        return with_one_task(with_places(adapted))

    def restore(self, backbone: PreTrainedModel, folder: Path) -> nn.Module:
        return with_one_task(super().restore(self.prepared(backbone), folder))

    def prepared(self, backbone: PreTrainedModel) -> PreTrainedModel:
        return unprefixed(backbone) if self.type in PREFIXES else backbone

    def prompt(self, backbone: PreTrainedModel) -> dict[str, Any]:
        """The shape of a prompt of this type."""
        if self.type not in PREFIXES:
            return self.shape(backbone)
        self.check_takes_prefixes(backbone)
        return {**self.shape(backbone), **key_shape(backbone)}

    def places(self, backbone: PreTrainedModel) -> dict[str, Any]:
        """What the type acts on and its size, as arguments of its config."""
        own = {}
        if self.config.options.get("target_modules") is None:
            own = PLACES.get(self.type, linears)(backbone)
        if self.config.size_field is not None:
            own[self.config.size_field] = self.config.size
        return own

    def check_options(self, backbone: PreTrainedModel, options: dict[str, Any]) -> None:
        """Raise ConfigError for what peft would take and silently replace."""
        field, size = self.config.size_field, self.config.size
        targets = options.get("target_modules")
        if isinstance(targets, list):
            self.check_targets(backbone, targets)
            if size is not None and field in ("r", "target_r") and self.type not in UNBOUNDED:
                self.check_rank(backbone, size, targets)
            if size is not None and field == "oft_block_size":
                self.check_divides(backbone, size, targets)
        if self.type == "boft" and options.get("boft_n_butterfly_factor", 1) != 1:
            raise ConfigError(
                "method.boft_n_butterfly_factor",
                options["boft_n_butterfly_factor"],
                "must be 1; more needs a CUDA extension that is compiled at run time",
            )

    def refused(self, reason: str) -> ConfigError:
        return ConfigError("method", self.config.name, reason)


def linears(backbone: PreTrainedModel) -> dict[str, Any]:
    """All linear maps of the attention and the feed-forward."""
    return {"target_modules": [path for layer in layers(backbone) for path in layer.linears]}


def values(backbone: PreTrainedModel) -> dict[str, Any]:
    """The value projections; all linear maps where they have none of their own."""
    found = [block.value for layer in layers(backbone) for block in layer.attentions]
    return {"target_modules": found} if all(found) else linears(backbone)


def every_norm(backbone: PreTrainedModel) -> dict[str, Any]:
    """All norms, the one after the embeddings or the last layer among them."""
    return {"target_modules": [path for path, _ in norms(backbone)]}


def blocks(backbone: PreTrainedModel) -> dict[str, Any]:
    """The layers as a whole."""
    return {"target_modules": [layer.path for layer in layers(backbone)]}


def every_layer(backbone: PreTrainedModel) -> dict[str, Any]:
    """As many layers as the model has, counted from its top."""
    return {"adapter_layers": backbone.config.num_hidden_layers}


def every_token(backbone: PreTrainedModel) -> dict[str, Any]:
    """The whole vocabulary; `method.token_indices` picks from it."""
    table = backbone.get_input_embeddings()
    assert isinstance(table, nn.Embedding)
    return {"token_indices": list(range(table.num_embeddings))}


# For all others: linears.
PLACES: dict[str, Callable[[PreTrainedModel], dict[str, Any]]] = {
    "adaption_prompt": every_layer,
    "beft": values,  # as its paper and peft's own defaults have it
    "ln_tuning": every_norm,
    "shadow": blocks,
    "trainable_tokens": every_token,
}


def with_places(adapted: nn.Module) -> nn.Module:
    """Give SHiRA's layers the tensors of places that were not drawn, where there are no weights."""
    for module in adapted.modules():
        if isinstance(module, ShiraLayer) and not module.shira_indices:
            for name, weight in module.shira_weight.items():
                places = torch.empty((2, len(weight)), dtype=torch.int, device=weight.device)
                module.shira_indices[name] = places
    return adapted


def with_one_task(adapted: nn.Module) -> nn.Module:
    """Answer the types that ask which of several tasks an example is of: the first."""
    assert isinstance(adapted, PeftModel)
    kind = adapted.active_peft_config.peft_type
    if kind == PeftType.POLY:
        adapted.register_forward_pre_hook(_first_task, with_kwargs=True)
    if kind == PeftType.MULTITASK_PROMPT_TUNING:
        adapted.prompt_encoder[adapted.active_adapter].register_forward_pre_hook(_first_prompt)
    return adapted


def _first_task(
    model: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    tokens: Tensor = named["input_ids"]
    return arguments, named | {"task_ids": tokens.new_zeros(len(tokens))}


def _first_prompt(encoder: nn.Module, arguments: tuple[Any, ...]) -> tuple[Tensor, Tensor]:
    places: Tensor = arguments[0]
    return places, torch.zeros(len(places), dtype=torch.long, device=places.device)
