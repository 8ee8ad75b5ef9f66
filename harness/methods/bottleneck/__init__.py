"""Bottleneck adapters, registered with peft as a method of its own."""

from harness.methods.bottleneck.methods import Houlsby as Houlsby
from harness.methods.bottleneck.methods import Pfeiffer as Pfeiffer

__all__ = ["Houlsby", "Pfeiffer"]
