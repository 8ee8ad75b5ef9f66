"""What has to be there before anything runs: a folder to write to, weights, data."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness import assets, plain_text
from harness.errors import ConfigError
from harness.trials import Trial


def prepare(trials: Sequence[Trial]) -> None:
    """Fetch what the trials need and check their data, told in a line, once per model and task."""
    from harness.tasks import rows
    from harness.tasks.data import check

    for model in {repr(t.config.model): t.config.model for t in trials}.values():
        assets.fetch(model.source, "model.source")
    for task in {repr(t.config.task): t.config.task for t in trials}.values():
        print("\n".join(check(task)), flush=True)
    rows.forget()  # of a task whose trials are over nobody asks again
    for plain in {repr(p): p for t in trials if (p := t.config.measure.forgetting)}.values():
        plain_text.passages(plain)


def writable(results: Path) -> None:
    """Raises ConfigError where no record could be kept."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=results):
            pass
    except OSError as error:
        raise ConfigError("results", results, f"cannot be written: {error.strerror}") from error
