"""The jobs of a sweep as Hydra composes them, at the cost of a copy where only values differ.

Hydra composes every job twice, once to see whether it can, and reads all files of the config for
each: ten thousand seeds would take half an hour before the first is run. Here the jobs that choose
the same files are composed once, and their values are set in copies, as Hydra sets them.

It is here that Hydra looks for sweepers and launchers that are not its own.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cache
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, JobStatus, setup_globals
from omegaconf import DictConfig, OmegaConf, open_dict, read_write


class Sweeper(BasicSweeper):
    """Hydra's own, but what cannot be composed is told by the launcher, before anything runs."""

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        pass


class Launcher(BasicLauncher):
    """Hands each job's config to the task function, in this process."""

    def __init__(self) -> None:
        super().__init__()
        self._groups: dict[str, bool] = {}

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        assert self.task_function is not None
        setup_globals()
        before = HydraConfig.instance().cfg
        # By what they choose and which values they set; what those are differs.
        alike: dict[tuple[str, ...], _Alike] = {}
        try:
            for overrides in job_overrides:
                kind, values = self._told_apart(overrides)
                if kind not in alike:
                    alike[kind] = _Alike(self._composed(overrides))
                self.task_function(alike[kind].job(overrides, values))
        finally:
            HydraConfig.instance().cfg = before
        return [JobReturn(status=JobStatus.COMPLETED) for _ in job_overrides]

    def _composed(self, overrides: Sequence[str]) -> DictConfig:
        assert self.config is not None
        return self._loader.load_sweep_config(self.config, list(overrides))

    def _told_apart(self, overrides: Sequence[str]) -> tuple[tuple[str, ...], list[Override]]:
        """What the config is composed of, and the values that are set in it in the end."""
        parsed = [_parsed(text) for text in overrides]
        kind, values = [], []
        for text, override in zip(overrides, parsed, strict=True):
            key = override.key_or_group
            # Of two that are about the same place, the order counts.
            alone = sum(_touch(key, other.key_or_group) for other in parsed) == 1
            if alone and _sets_a_scalar(override) and not self._is_group(key):
                kind.append(key)
                values.append(override)
            else:
                kind.append(text)
        return tuple(kind), values

    def _is_group(self, key: str) -> bool:
        if key not in self._groups:
            self._groups[key] = bool(self._loader.get_group_options(key))
        return "/" in key or self._groups[key]

    @property
    def _loader(self) -> ConfigLoader:
        assert self.hydra_context is not None
        return self.hydra_context.config_loader


class _Alike:
    """A composed job, from which others that differ in scalar values are made."""

    def __init__(self, composed: DictConfig) -> None:
        HydraConfig.instance().set_config(composed)
        self._hydra: Any = HydraConfig.instance().cfg
        self._config = copy.deepcopy(composed)
        with read_write(self._config), open_dict(self._config):
            del self._config["hydra"]

    def job(self, overrides: Sequence[str], values: Sequence[Override]) -> DictConfig:
        """The config with these values, as what asks Hydra about the job finds it."""
        HydraConfig.instance().cfg = self._hydra
        with read_write(self._hydra.hydra):
            self._hydra.hydra.overrides.task = list(overrides)
        config = copy.deepcopy(self._config)
        for override in values:
            OmegaConf.update(
                config, override.key_or_group, override.value(), force_add=override.is_force_add()
            )
        return config


def _sets_a_scalar(override: Override) -> bool:
    scalar = isinstance(override.value(), str | int | float | bool | None)
    return scalar and not (override.is_delete() or override.is_add() or override.package)


def _touch(one: str, other: str) -> bool:
    """Whether two keys name the same place, or one a place inside the other's."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


@cache
def _parsed(text: str) -> Override:
    return OverridesParser.create().parse_override(text)
