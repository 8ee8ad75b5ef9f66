"""Combinations of a sweep that are not run, as `leave_out` names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from omegaconf import DictConfig, ListConfig, OmegaConf

from harness.errors import ConfigError, nearest

NAMED = ("model", "task", "method")
"""Groups, which are told by the name of what was chosen of them."""
KEYS = (*NAMED, "size", "seed")


def left_out(cfg: DictConfig) -> bool:
    """Whether a composed config is one of those that its `leave_out` names.

    It lists conditions, such as {method: bitfit, model: flan_t5_small}; all parts of one have to
    hold. Raises ConfigError for what is none.
    """
    return any(all(_is(cfg, key, value) for key, value in each.items()) for each in _listed(cfg))


def _listed(cfg: DictConfig) -> Iterator[Mapping[str, object]]:
    """The conditions, checked."""
    given = cfg.get("leave_out", [])
    if not isinstance(given, ListConfig | list):
        raise ConfigError("leave_out", given, "is a list, such as [{method: bitfit, model: gpt2}]")
    for each in given:
        if not isinstance(each, DictConfig) or not each:
            raise ConfigError("leave_out", each, "is a condition, such as {method: bitfit}")
        for key in each:
            if key not in KEYS:
                raise ConfigError("leave_out", key, nearest(str(key), KEYS))
        yield each


def _is(cfg: DictConfig, key: str, value: object) -> bool:
    own = OmegaConf.select(cfg, f"{key}.name" if key in NAMED else key)
    return str(own) == str(value)
