"""The rate at which a method learns a kind of task in a family of models.

A method's own rate (`conf/method`) was found for classification by an encoder. What other tasks and
models need is kept as multiples of it, in `conf/recipes/multiples.yaml`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf

T = TypeVar("T")
FAMILIES = ("encoder", "decoder", "encoder_decoder")

Multiples = dict[str, dict[str, dict[str, float]]]
"""By kind of task, family of models and method."""

REPRESENTATIVES = {
    "low_rank": "lora",
    "bottleneck": "houlsby",
    "prompt": "prompt_tuning",
    "rescale": "ia3",
    "selective": "bitfit",
    "full": "full",
}
"""The method of each family whose multiple the rest of the family inherits."""

DECODERS = ("ForCausalLM", "LMHeadModel")


def load(file: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """What was picked out of evidence, by kind of task and family of models."""
    found = OmegaConf.to_container(OmegaConf.load(file))
    assert isinstance(found, dict)
    return found  # type: ignore[return-value]


def cell_of(cfg: DictConfig) -> tuple[str | None, str | None]:
    """A composed config's kind of task and family of models, where it says them."""
    return OmegaConf.select(cfg, "task.kind"), family_of(cfg)


def of_cell(
    cell: tuple[str | None, str | None], picked: Mapping[str, Mapping[str, dict[str, T]]]
) -> dict[str, T]:
    """What was picked for a kind of task and a family of models.

    A kind of task that was not searched takes what classification needs in the same family of
    models. Empty where that was not searched either, or where the model does not say what it is.
    """
    kind, family = (each or "" for each in cell)
    kinds = (kind, "classification")
    return next((own for kind in kinds if (own := picked.get(kind, {}).get(family))), {})


def rate(own: float, cfg: DictConfig, multiples: Multiples) -> float:
    """The learning rate of a composed config whose method proposes `own`, in three digits.

    The own rate itself where nothing was searched that it could go by.
    """
    method, role = (OmegaConf.select(cfg, key) for key in ("method.name", "method.family"))
    found = of_cell(cell_of(cfg), multiples)
    multiple = found.get(method, found.get(REPRESENTATIVES.get(role, ""), 1.0))
    if multiple == 1 or not isinstance(own, int | float):  # what is no number is told as any is
        return own
    return float(f"{own * multiple:.3g}")


def family_of(cfg: DictConfig) -> str | None:
    """encoder, decoder or encoder_decoder: as the model's config says, or the folder it names.

    None where neither says it. Nothing is fetched: the same config is always the same trial.
    """
    said: str | None = OmegaConf.select(cfg, "model.family")
    if said is not None or OmegaConf.select(cfg, "model.source.kind") != "path":
        return said
    return _of_folder(Path(str(OmegaConf.select(cfg, "model.source.path"))).expanduser())


def _of_folder(folder: Path) -> str | None:
    """What the folder of a transformers model says, if it is one."""
    try:
        settings = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None  # told where the model is loaded
    if not isinstance(settings, dict):
        return None
    if settings.get("is_encoder_decoder"):
        return "encoder_decoder"
    names = settings.get("architectures")
    if not isinstance(names, list) or not names:
        return None
    return "decoder" if str(names[0]).endswith(DECODERS) else "encoder"
