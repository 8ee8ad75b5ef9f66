"""What the fork server imports before it forks, so that no phase has to."""

import io
import warnings
from contextlib import redirect_stderr
from importlib import import_module

import harness.trial  # noqa: F401
from harness.phases import PHASES

for phase in PHASES:
    import_module(f"harness.phases.{phase.name}")

# Nearly every method needs peft, which takes seconds, and with it bitsandbytes where that is
# installed, which complains of the kernels that it does without.
with redirect_stderr(io.StringIO()), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import peft  # noqa: F401
