"""What the fork server imports before it forks, so that no phase has to."""

import io
import warnings
from contextlib import redirect_stderr

import harness.trial  # noqa: F401

# Nearly every method needs peft, which takes seconds, and with it bitsandbytes where that is
# installed, which complains of the kernels that it does without.
with redirect_stderr(io.StringIO()), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import peft  # noqa: F401
