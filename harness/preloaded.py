"""What the fork server imports before it forks, so that no phase has to."""

import io
import pkgutil
import signal
import warnings
from contextlib import redirect_stderr
from importlib import import_module

# peft takes seconds, and so does bitsandbytes where it is installed, which complains of the kernels
# that it does without.
with redirect_stderr(io.StringIO()), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import peft  # noqa: F401

from transformers import conversion_mapping

import harness.methods
import harness.trial
from harness import phases
from harness.checked import validator
from harness.config import TrialConfig

for package in (phases, harness.methods):
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            import_module(module.name)

# Built at first use, and then by every phase again.
validator(TrialConfig)
conversion_mapping.get_checkpoint_conversion_mapping("bert")

# Schedulers tell all processes of a job that its time is up; what to do then its first one decides.
for warning in (signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(warning, signal.SIG_IGN)
