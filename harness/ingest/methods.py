"""Which of the harness's methods a published run used, and under which options."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from omegaconf import OmegaConf

from harness import peft_types
from harness.entry import CONF
from harness.errors import ConfigError
from harness.ingest.published import RunInfo

# Types of peft that the harness has under a name of its own. A prefix without a projection is what
# P-Tuning v2 trains.
NAMED = {
    "lora": "lora",
    "ia3": "ia3",
    "prefix_tuning": "p_tuning_v2",
    "prompt_tuning": "prompt_tuning",
    "p_tuning": "p_tuning",
}
# LoRA as a special optimizer trains it is a method here.
BY_OPTIMIZER = {"lora-fa": "lora_fa", "lora+": "lora_plus"}
RANK = {"r": "rank"}
# What is no option of a method: what it was applied to, and how peft wrote it down.
ASIDE = ("task_type", "peft_type", "auto_mapping", "peft_version", "base_model_name_or_path",
         "revision", "inference_mode", "use_dora", "prefix_projection")  # fmt: skip
# What training found, and peft keeps in the config.
LEARNED = (("adalora", "rank_pattern"),)
LONGEST = 200
"""Letters of an option; a longer one is told by its digest, which still tells it from others."""


@dataclass(frozen=True)
class Method:
    name: str
    family: str
    size: int | None
    size_field: str | None
    options: dict[str, Any]
    """Those that differ from peft's defaults, and the size."""


def method_of(info: RunInfo) -> Method:
    """The method of a run, under the harness's name for it where it has one."""
    config = info.peft_config
    if config is None:
        return Method("full", "full", None, None, {})
    kind = config["peft_type"].lower()
    name = _name(kind, config, info.train_config.optimizer_type)
    options = _options(kind, config)
    if name is None:
        field = _size_field(kind, config)
        family = str(peft_types.node(kind)["family"])
        name = f"{peft_types.GROUP}/{kind}"
    else:
        own = OmegaConf.load(CONF / "method" / f"{name}.yaml")
        field, family = own.size_field, own.family
        if field == "rank":
            options = {RANK.get(key, key): value for key, value in options.items()}
    size = None
    if field is not None:
        size = config.get(_of_peft(field))
        if not _positive(size):
            place = f"run_info.peft_config.{_of_peft(field)}"
            raise ConfigError(place, size, "must be a whole number of at least 1")
        options[field] = size
    return Method(name, family, size, field, options)


def _name(kind: str, config: dict[str, Any], optimizer: str) -> str | None:
    """None where only peft has the method."""
    if kind == "lora":
        return BY_OPTIMIZER.get(optimizer) or ("dora" if config.get("use_dora") else "lora")
    if kind == "prefix_tuning" and config.get("prefix_projection"):
        return "prefix_tuning"
    return NAMED.get(kind)


def _size_field(kind: str, config: dict[str, Any]) -> str | None:
    """As the installed peft has it, or where it has no such type, the first that is set."""
    if kind in peft_types.names():
        known = peft_types.size(kind).field
        return known if known and _positive(config.get(known)) else None
    return next((name for name in peft_types.SIZE_FIELDS if _positive(config.get(name))), None)


def _positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _of_peft(field: str) -> str:
    return "r" if field == "rank" else field


def _options(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    usual = peft_types.defaults(kind)
    empty: tuple[Any, ...] = (None, {}, [], "")
    return {
        name: _bounded(_in_order(value))
        for name, value in config.items()
        if name not in ASIDE
        and (kind, name) not in LEARNED
        and (value != usual[name] if usual.get(name) is not None else value not in empty)
    }


def _in_order(value: Any) -> Any:
    """Names of modules are a set in peft, written in the order of chance."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return sorted(value)
    return value


def _bounded(value: Any) -> Any:
    text = json.dumps(value, sort_keys=True)
    if len(text) <= LONGEST:
        return value
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:12]}"
