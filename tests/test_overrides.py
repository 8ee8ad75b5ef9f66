"""The front door under fuzz: whatever is typed ends as a config or as one line."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import HealthCheck, given, settings

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
