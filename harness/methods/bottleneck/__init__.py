"""Bottleneck adapters, registered with peft as a method of its own."""

from harness.methods.bottleneck.methods import Houlsby as Houlsby
from harness.methods.bottleneck.methods import Pfeiffer as Pfeiffer
from harness.methods.bottleneck.parallel import Parallel as Parallel

__all__ = ["Houlsby", "Parallel", "Pfeiffer"]
