"""Methods that peft implements, its own and those registered with it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

from peft import PeftConfig, PeftModel, TaskType, get_peft_model
from torch import nn
from transformers import PreTrainedModel

from harness.errors import ConfigError, nearest
from harness.methods.anatomy import linear_widths
from harness.methods.base import Method, NotMergeable


class PeftMethod(Method):
    """Builds a peft config; adapting, saving, restoring and merging are peft's."""

    own_options: ClassVar[frozenset[str]] = frozenset()
    """Options that the method reads itself, beside those of its peft config."""

    @abstractmethod
    def peft_config(self, backbone: PreTrainedModel) -> PeftConfig:
        """The peft config for this backbone; raises ConfigError where an option does not fit."""

    def adapt(self, backbone: PreTrainedModel) -> nn.Module:
        config = self.peft_config(backbone)
        try:
            return get_peft_model(backbone, config)
        except ValueError as error:
            targets = self.config.options.get("target_modules")
            if targets and "not found" in str(error):
                raise ConfigError(
                    "method.target_modules", targets, nearest(str(targets), _ends(backbone))
                ) from error
            raise

    def save(self, adapted: nn.Module, folder: Path) -> None:
        assert isinstance(adapted, PeftModel)
        # The embeddings are the base's; "auto" would ask a hub whether they are.
        adapted.save_pretrained(str(folder), save_embedding_layers=False)

    def restore(self, backbone: PreTrainedModel, folder: Path) -> nn.Module:
        # peft leaves a restored prompt trainable.
        restored = PeftModel.from_pretrained(backbone, folder, local_files_only=True)
        return restored.requires_grad_(False)

    def merge(self, adapted: nn.Module) -> nn.Module:
        assert isinstance(adapted, PeftModel)
        if adapted.active_peft_config.is_prompt_learning:
            raise NotMergeable("a prompt lives in the input of every request, not in a weight")
        try:
            return adapted.merge_and_unload(safe_merge=True)
        except (AttributeError, NotImplementedError) as error:
            raise NotMergeable(f"peft has no merge for it: {error}") from error

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

    def check_rank(self, backbone: PreTrainedModel, rank: int, targets: list[str]) -> None:
        """Raise ConfigError if an update of this rank is larger than a map that it updates."""
        for name, module in backbone.named_modules():
            widths = linear_widths(module)
            aimed = any(name == target or name.endswith(f".{target}") for target in targets)
            if widths and aimed and rank > min(widths):
                raise ConfigError(
                    f"method.{self.config.size_field}",
                    rank,
                    f"must be at most {min(widths)}, the smaller width of {name}",
                )


def _ends(backbone: PreTrainedModel) -> set[str]:
    """Last parts of the names of the model's linear maps."""
    return {
        name.rsplit(".", 1)[-1]
        for name, module in backbone.named_modules()
        if linear_widths(module)
    }
