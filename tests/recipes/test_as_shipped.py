"""The section on what methods come to at the rates and schedules that ship."""

from __future__ import annotations

import pytest

from harness.entry import CONF
from harness.recipes.__main__ import read
from harness.recipes.as_shipped import section
from harness.recipes.evidence import Tried, by_method, chosen, scores
from harness.recipes.schedules import USUAL, Schedule, of_cell, picked

SHORT = Schedule(64, 8)


def tried(multiple: float, each: Schedule, validation: float | None) -> Tried:
    status = "diverged" if validation is None else "ok"
    return Tried(
        kind="tokens", family="encoder", model="m", task="t", method="lora", size=8,
        multiple=multiple, learning_rate=multiple / 1e3, seed=0,
        steps=each.steps, batch_size=each.batch_size,
        metric="entity_f1", validation=validation, status=status,
    )  # fmt: skip


SEARCHED = [tried(1, SHORT, 0.5), tried(3, SHORT, 0.7)]


@pytest.mark.parametrize(
    ("validation", "told"),
    [(0.75, "0.750"), (0.69, "0.690"), (0.6, "**0.600**"), (None, "**diverged**")],
)
def test_what_falls_by_more_than_seeds_differ_stands_out(validation, told):
    found = section(SEARCHED, [], [tried(3, USUAL, validation)])
    assert f"| lora | 0.003 | 0.700 | {told} |" in found
    assert f"| {USUAL.steps} × {USUAL.batch_size} |" in found


@pytest.mark.parametrize("row", [tried(1, USUAL, 0.1), tried(3, SHORT, 0.1), tried(10, USUAL, 0.1)])
def test_what_does_not_ship_now_is_left_out(row):
    assert "| lora |" not in section(SEARCHED, [], [row])


def test_the_schedule_is_what_the_evidence_on_schedules_picks():
    scheduled = [tried(3, Schedule(128, 8), 0.5), tried(3, Schedule(64, 16), 0.6),
                 tried(3, Schedule(128, 16), 0.7), tried(3, Schedule(256, 16), 0.8)]  # fmt: skip
    found = section(SEARCHED, scheduled, [tried(3, Schedule(256, 16), 0.8)])
    assert "| lora | 0.003 | 0.700 | 0.800 |" in found


def test_no_method_is_ruined_by_the_rate_and_the_schedule_that_ship():
    found = read(CONF / "recipes")
    assert found.defaults
    searched, shipping = by_method(found.rates), picked(found.schedules)
    for row in found.defaults:
        before = scores(searched[row.cell][row.method])
        assert row.multiple == chosen(before), f"no longer ships: {row}"
        assert Schedule(row.steps, row.batch_size) == of_cell(row.cell, shipping), row
        score = before[row.multiple]
        assert score is not None
        assert row.validation is not None, row
        assert row.validation > score - 0.1, row  # what a single seed may do, and no more
