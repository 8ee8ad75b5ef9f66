"""The front door under fuzz: whatever is typed ends as a config or as one line."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import entry
from harness.config import budget_of, run_config, trial_config
from harness.errors import HarnessError
from harness.search_config import search_config
from tests.overrides import command_lines

SHARED = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


def as_the_command_reads_it(cfg: object) -> None:
    for read in (run_config, search_config, budget_of, trial_config):
        read(cfg)


@contextmanager
def one_line_at_most() -> Iterator[None]:
    try:
        yield
    except HarnessError as error:
        if not str(error) or not str(error).isprintable():
            raise AssertionError("an error of more than a line") from error


@pytest.mark.slow
@SHARED
@given(command_lines())
def test_any_overrides_are_a_config_or_one_line(arguments):
    with one_line_at_most():
        as_the_command_reads_it(entry.compose(arguments))


@pytest.mark.slow
@settings(SHARED, max_examples=SHARED.max_examples // 5)
@given(command_lines(), st.sampled_from([[], ["-m"], ["--multirun"]]))
def test_any_command_line_is_configs_or_one_line(arguments, flag):
    # Deep enough for `results=../../x` to stay inside.
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        Path(place, "a", "b", "c").mkdir(parents=True)
        patch.chdir(Path(place, "a", "b", "c"))
        patch.setattr(sys, "argv", ["harness", *arguments, *flag])
        patch.setenv("HYDRA_FULL_ERROR", "")
        try:
            with one_line_at_most():
                for cfg in entry.asked("config").configs:
                    as_the_command_reads_it(cfg)
        except SystemExit:  # argparse explains what it does not know by more than a line
            if not any(argument.startswith("-") for argument in arguments):
                raise


def test_folder_named_in_a_group_cannot_be_left():
    for name in ("../../x", "../../../etc/passwd", "/etc/passwd", "a/../../b"):
        with pytest.raises(HarnessError, match=r"^task=.*: one of bbc_news"):
            entry.compose([f"task={name}"])


def test_environment_may_be_read(monkeypatch):
    """Who types the command may read it anyway."""
    monkeypatch.setenv("MY_RESULTS", "/somewhere")
    assert run_config(entry.compose(["results=${oc.env:MY_RESULTS}"])).results == Path("/somewhere")
    with pytest.raises(HarnessError, match=r"^jobs=.*ABSENT_VARIABLE"):
        run_config(entry.compose(["jobs=${oc.env:ABSENT_VARIABLE}"]))
