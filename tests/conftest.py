"""What many tests need: configs as a user would compose them, and small models."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from harness.stopping import SIGNALS
from tests import workers
from tests.instant import Instant
from tests.workers import pytest_runtest_protocol as pytest_runtest_protocol

workers.begin()

# HYPOTHESIS_PROFILE=thorough runs as many cases as a change of what reads foreign files deserves.
settings.register_profile("default", max_examples=300, deadline=None, database=None)
settings.register_profile("thorough", max_examples=10_000, deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# Only packages on the index and files on disk: a test that reaches for a hub fails at once.
os.environ["HF_HUB_OFFLINE"] = "1"


@cache
def composed(*overrides: str) -> Any:
    from harness.config import trial_config
    from harness.entry import compose

    return trial_config(compose(overrides))


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """Signals do again what they did before; a command ignores them when it is over."""
    before = {each: signal.getsignal(each) for each in SIGNALS}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.fixture
def trial_of() -> Callable[..., Any]:
    """A checked TrialConfig from overrides."""
    return composed


@pytest.fixture
def method_of(trial_of: Callable[..., Any]) -> Callable[..., Any]:
    """A method by its config's name and overrides of its options."""
    from harness.methods import load_method

    def make(name: str, *overrides: str) -> Any:
        return load_method(trial_of(f"method={name}", *overrides).method)

    return make


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Instant:
    """Every sweep of the test runs on these; nothing is fetched, and the device is its own."""
    from harness import runner, sweep

    found = Instant(threads=1)
    monkeypatch.setattr(runner, "Processes", lambda threads: found)
    monkeypatch.setattr(sweep, "prepare", lambda trials: None)
    monkeypatch.setattr(sweep, "LOOKS", 0.01)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return found
