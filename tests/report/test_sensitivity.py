from __future__ import annotations

import pytest

from harness.report.sensitivity import sensitivity
from tests import records
from tests.report.conftest import MakeSubject


def test_each_configuration_has_the_largest_share_that_a_rule_moves(
    make_subject: MakeSubject,
) -> None:
    subject = make_subject(records.quick())
    figure = sensitivity(subject)
    rows = {row.label: (title, row) for title, group in figure.chart.groups for row in group}
    for entry in subject.entries:
        first = subject.triangle.of(entry)
        others = [triangle.of(entry) for triangle in subject.alternatives]
        if first is None or None in others:
            assert entry.label not in rows
            continue
        # Half the absolute differences is the share of weight that changes its corner.
        moved = max(
            sum(max(0.0, a - b) for a, b in zip(first.weights, other.weights, strict=True))
            for other in others
        )
        title, row = rows[entry.label]
        assert row.value == pytest.approx(moved)
        corners = [set(p.nearest.split("–")) for p in (first, *others)]
        if not any("centre" in corner for corner in corners):
            assert ("stays" in title) is bool(set.intersection(*corners))
    assert figure.chart.neutral == 0
    least, most = (f"{100 * f(r.value for _, r in rows.values()):.0f}%" for f in (min, max))
    assert f"moves {least} to {most} of a configuration's weight" in figure.caption


def test_without_positions_nothing_is_concluded(make_subject: MakeSubject) -> None:
    figure = sensitivity(make_subject([records.record("lora", 8, memory=None)]))
    assert figure.chart is None
    assert "Nothing can be concluded" in figure.caption


def test_no_more_rows_than_can_be_read(make_subject: MakeSubject) -> None:
    subject = make_subject(records.quick(sizes=tuple(range(1, 12))))
    figure = sensitivity(subject)
    assert sum(len(group) for _, group in figure.chart.groups) <= 30
    assert f"of {len(subject.entries)}." in figure.caption


def test_a_single_configuration_says_nothing_of_the_rule(make_subject: MakeSubject) -> None:
    told = sensitivity(make_subject([records.record("lora", 8)])).caption
    assert told.startswith("Nothing can be concluded here about the rule: a single configuration")
