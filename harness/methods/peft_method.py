"""Methods that peft implements, its own and those registered with it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar

from peft import PeftConfig, PeftModel, TaskType, get_peft_model, get_peft_model_state_dict
from torch import Tensor, nn
from transformers import PreTrainedModel

from harness.errors import ConfigError, nearest
from harness.methods.anatomy import linear_widths
from harness.methods.base import Method, NotMergeable
from harness.methods.serving import Adapters, PeftAdapters


class PeftMethod(Method):
    """Builds a peft config; adapting, saving, restoring and merging are peft's."""

    own_options: ClassVar[frozenset[str]] = frozenset()
    """Options that the method reads itself, beside those of its peft config."""

    reads_own_values: bool = False
    """Building the adapters reads tensors of theirs, which need values for it in any case."""

    @abstractmethod
    def peft_config(self, backbone: PreTrainedModel) -> PeftConfig:
        """The peft config for this backbone; raises ConfigError where an option does not fit."""

    def adapt(self, backbone: PreTrainedModel) -> nn.Module:
        config = self.peft_config(backbone)
        # Beside a model without weights nothing is drawn, which would take time and memory.
        bare = backbone.device.type == "meta" and not self.reads_own_values
        try:
            with backbone.device if bare else nullcontext():
                return get_peft_model(backbone, config)
        except ValueError as error:
            targets = self.config.options.get("target_modules")
            if targets and "not found" in str(error):
                raise ConfigError(
                    "method.target_modules", targets, nearest(str(targets), _ends(backbone))
                ) from error
            raise

    def stored(self, adapted: nn.Module) -> dict[str, Tensor]:
        assert isinstance(adapted, PeftModel)
        return get_peft_model_state_dict(adapted, save_embedding_layers=False)

    def save(self, adapted: nn.Module, folder: Path) -> None:
        assert isinstance(adapted, PeftModel)
        # The embeddings are the base's; "auto" would ask a hub whether they are.
        adapted.save_pretrained(str(folder), save_embedding_layers=False)

    def restore(self, backbone: PreTrainedModel, folder: Path) -> nn.Module:
        # peft leaves a restored prompt trainable.
        restored = PeftModel.from_pretrained(backbone, folder, local_files_only=True)
        return restored.requires_grad_(False)

    def outline_for_inference(self, backbone: PreTrainedModel) -> nn.Module:
        # What only makes a prompt while it is trained is left out by peft then.
        options = {**self.config.options, "inference_mode": True}
        restored = type(self)(replace(self.config, options=options), self.sources)
        return restored.adapt(backbone).requires_grad_(False)

    def merge(self, adapted: nn.Module) -> nn.Module:
        assert isinstance(adapted, PeftModel)
        if adapted.active_peft_config.is_prompt_learning:
            raise NotMergeable("a prompt lives in the input of every request, not in a weight")
        merge = getattr(adapted.base_model, "merge_and_unload", None)
        if merge is None:
            raise NotMergeable("peft has no merge for it")
        try:
            return merge(safe_merge=True)
        except (AttributeError, NotImplementedError, ValueError) as error:
            told = str(error).partition("\n")[0]
            reason = f"peft has no merge for it: {told}" if told else "peft has no merge for it"
            raise NotMergeable(reason) from error

    def switched_off(self, adapted: nn.Module) -> AbstractContextManager[None]:
        assert isinstance(adapted, PeftModel)
        if adapted.active_peft_config.is_prompt_learning:
            return _without_prompt(adapted)
        return adapted.disable_adapter()

    def after_prompt(self, adapted: nn.Module) -> nn.Module:
        assert isinstance(adapted, PeftModel)
        prompted = adapted.active_peft_config.is_prompt_learning
        return adapted.get_base_model() if prompted else adapted

    def serve(self, adapted: nn.Module) -> Adapters:
        assert isinstance(adapted, PeftModel)
        return PeftAdapters(adapted)

    def options(self, kind: type[PeftConfig], **own: Any) -> dict[str, Any]:
        """The method's options as arguments of `kind`, with `own` in their places.

        Options that are null are left to peft. Raises ConfigError for a name that `kind` lacks.
        """
        known = {field.name for field in fields(kind)}
        size_field = self.config.size_field
        given = {
            name: value
            for name, value in self.config.options.items()
            if name != size_field and name not in self.own_options and value is not None
        }
        for name, value in given.items():
            if name not in known:
                names = {*known, *self.own_options, str(size_field)}
                raise ConfigError(f"method.{name}", value, nearest(name, names))
        return {"task_type": TaskType.FEATURE_EXTRACTION, **own, **given}

    def check_targets(self, backbone: PreTrainedModel, targets: Sequence[str]) -> None:
        """Raise ConfigError for a target that names no module; peft takes it beside another."""
        names = [name for name, _ in backbone.named_modules()]
        for target in targets:
            if not any(_names(target, name) for name in names):
                expected = nearest(target, _ends(backbone))
                raise ConfigError("method.target_modules", target, expected)

    def check_rank(self, backbone: PreTrainedModel, rank: int, targets: Sequence[str]) -> None:
        """Raise ConfigError if an update of this rank is larger than a map that it updates."""
        for name, widths in _aimed(backbone, targets):
            if rank > min(widths):
                raise ConfigError(
                    f"method.{self.config.size_field}",
                    rank,
                    f"must be at most {min(widths)}, the smaller width of {name}",
                )

    def check_divides(self, backbone: PreTrainedModel, block: int, targets: Sequence[str]) -> None:
        """Raise ConfigError if blocks of this size do not fill the input of a map."""
        for name, (wide, _) in _aimed(backbone, targets):
            if wide % block:
                raise ConfigError(
                    f"method.{self.config.size_field}",
                    block,
                    f"must divide {wide}, the input width of {name}",
                )


@contextmanager
def _without_prompt(adapted: PeftModel) -> Iterator[None]:
    """Pass inputs on as they are; peft's own switch asks for methods that only generators have."""
    adapted.forward = adapted.base_model.__call__  # type: ignore[method-assign]
    try:
        yield
    finally:
        del adapted.forward


def _aimed(
    backbone: PreTrainedModel, targets: Sequence[str]
) -> Iterator[tuple[str, tuple[int, int]]]:
    """The linear maps that targets name: (path, widths)."""
    for name, module in backbone.named_modules():
        widths = linear_widths(module)
        if widths and any(_names(target, name) for target in targets):
            yield name, widths


def _names(target: str, path: str) -> bool:
    """Whether peft matches a target in a list with a module."""
    return path == target or path.endswith(f".{target}")


def _ends(backbone: PreTrainedModel) -> set[str]:
    """Last parts of the names of the model's linear maps."""
    return {
        name.rsplit(".", 1)[-1]
        for name, module in backbone.named_modules()
        if linear_widths(module)
    }
