"""AdapterFusion, registered with peft as a method of its own."""

from harness.methods.fusion.method import AdapterFusion as AdapterFusion

__all__ = ["AdapterFusion"]
