"""Configs of the plan's command."""

from __future__ import annotations

from omegaconf import DictConfig

from harness.entry import compose


def composed(*overrides: str) -> DictConfig:
    return compose(overrides, "plan")
