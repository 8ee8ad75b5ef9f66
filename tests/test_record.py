"""What is read as a record is one, and does nobody harm; what is none is told by one error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from harness import store
from harness.analysis.claims import Claim, shipped
from harness.analysis.evidence import Evidence
from harness.analysis.study import studies
from harness.errors import ConfigError
from harness.reading import parse_record
from harness.report import export
from harness.report.section import section
from harness.report.subject import Subject
from tests import records
from tests.mutations import BASES, altered, torn

CLAIMS: tuple[Claim, ...] = tuple(shipped())
OTHERS = [records.record(*which) for which in (("head", None), ("full", None), ("lora", 8, 1))]
patient = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def read(raw: bytes, trial: str) -> dict[str, Any] | None:
    """The record, or None for what was refused by the one error that there is."""
    try:
        return parse_record(raw, trial)
    except ConfigError as error:
        told = str(error)
        assert told.isprintable()
        assert len(told) < 600
        return None


@pytest.mark.parametrize("made", BASES, ids=lambda made: f"{made['method']} {made['status']}")
def test_a_sound_record_is_read_as_it_stands(made):
    assert parse_record(json.dumps(made).encode(), made["trial"]) == made


@patient
@given(torn())
def test_torn_bytes_are_a_record_or_an_error(made):
    trial, raw = made
    found = read(raw, trial)
    assert found is None or (found["trial"], found["status"] in store.STATUSES) == (trial, True)


@patient
@given(altered())
def test_whatever_is_read_can_be_analysed_and_reported(made):
    found = read(json.dumps(made).encode(), str(made.get("trial")))
    if found is None:
        return
    reported([found, *OTHERS])


def reported(made: list[dict[str, Any]]) -> None:
    """Everything of the page but its still pictures."""
    beside = {each["trial"]: Evidence(None, each.get("config") or {}) for each in made}
    frame = store.table(Path("results"), made)
    for study in studies(frame, beside):
        subject = Subject(study, stilled=False)
        held = section(subject, 0, Path("reports/index.html"), CLAIMS)
        export.csv(subject)
        export.latex(held.table)
