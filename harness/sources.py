"""The trials that another trial builds on, such as the adapters that are fused."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

from harness.config import TrialConfig, trial_config
from harness.entry import compose
from harness.errors import ConfigError

ADAPTER = "pfeiffer"


def with_sources(cfg: DictConfig) -> TrialConfig:
    """The checked trial of a composed config, with the trials that it needs. Raises ConfigError.

    A method with an option `adapter`, or `adapters`, builds on adapters of the tasks named there.
    Each is the trial that `method=pfeiffer task=NAME` is under the same model, recipe and seed.
    """
    if "adapter" in cfg.method:
        return trial_config(cfg, [trial_config(_source(cfg, "adapter", cfg.method.adapter))])
    if "adapters" in cfg.method:
        return trial_config(cfg, [trial_config(_source(cfg, "adapters", t)) for t in _several(cfg)])
    return trial_config(cfg)


def _several(cfg: DictConfig) -> list[str]:
    tasks = cfg.method.adapters
    if not OmegaConf.is_list(tasks) or len(set(tasks)) < 2:
        raise ConfigError(
            "method.adapters",
            tasks,
            "needs two tasks or more, on each of which an adapter is trained first, such as"
            " method.adapters=[bbc_news,rotten_tomatoes]",
        )
    return list(tasks)


def _source(cfg: DictConfig, option: str, task: str) -> DictConfig:
    try:
        composed = compose([f"method={ADAPTER}", f"task={task}"])
    except ConfigError as error:
        raise ConfigError(f"method.{option}", task, error.expected) from error
    size = composed.method.size_field
    source = cfg.copy()
    OmegaConf.set_struct(source, False)
    source.size = None
    source.task = {**composed.task, "limit": cfg.task.limit}
    source.method = {**composed.method, size: cfg.method[size]}
    # A rate that was given is meant for the method that builds on the adapters.
    source.train.learning_rate = "${recipe:${method.learning_rate}}"
    return source
