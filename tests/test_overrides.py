"""The front door under fuzz: whatever is typed ends as a config or as one line."""

from __future__ import annotations

import sys
import tempfile
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


def is_one_line(error: HarnessError) -> bool:
    return str(error).isprintable() and len(str(error)) > 0


@pytest.mark.slow
@SHARED
@given(command_lines())
def test_any_overrides_are_a_config_or_one_line(arguments):
    try:
        as_the_command_reads_it(entry.compose(arguments))
    except HarnessError as error:
        assert is_one_line(error)


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
            for cfg in entry.configs("config"):
                as_the_command_reads_it(cfg)
        except HarnessError as error:
            assert is_one_line(error)
        except SystemExit as stop:  # an argument with a dash in front, which argparse explains
            assert stop.code in (0, 2)
            assert any(argument.startswith("-") for argument in arguments)


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
