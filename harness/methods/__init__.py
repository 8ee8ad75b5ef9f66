"""Methods: ways to adapt a backbone that know nothing of tasks."""

from harness.methods.base import Method as Method
from harness.methods.base import NotMergeable as NotMergeable
from harness.methods.base import NotSwitchable as NotSwitchable
from harness.methods.base import Trained as Trained
from harness.methods.base import load_method as load_method

__all__ = ["Method", "NotMergeable", "NotSwitchable", "Trained", "load_method"]
