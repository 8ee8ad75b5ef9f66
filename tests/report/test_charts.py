from __future__ import annotations

import pytest

from harness.report.charts import TernaryMark, axis
from harness.report.figures import merging, triangle
from harness.report.planes import sizes, trade_offs
from harness.report.style import SHAPES
from tests import records
from tests.report.conftest import MakeSubject


@pytest.mark.parametrize("log", [False, True])
def test_an_axis_holds_its_values_and_its_ticks(log: bool) -> None:
    values = [770.0, 37_000.0, 22_700_000.0]
    made = axis("parameters", values, str, log)
    assert all(0 < made.place(value) < 1 for value in values)
    assert all(0 <= made.place(tick) <= 1 for tick, _ in made.ticks)
    assert len(made.ticks) >= 3


def test_an_axis_of_one_value_has_width() -> None:
    assert axis("x", [5.0], str).low < 5.0 < axis("x", [5.0], str).high
    assert axis("x", [5.0], str, log=True).low < 5.0 < axis("x", [5.0], str, log=True).high
    assert axis("x", [0.0], str).low < axis("x", [0.0], str).high


def test_the_triangles_corners_are_top_left_and_right() -> None:
    def plane(*weights: float) -> tuple[float, float]:
        return TernaryMark("", "", SHAPES[0], 1, weights, (), 0).plane

    assert plane(1, 0, 0) == pytest.approx((0.5, 3**0.5 / 2))
    assert plane(0, 1, 0) == pytest.approx((0, 0))
    assert plane(0, 0, 1) == pytest.approx((1, 0))


def test_the_triangle_is_drawn_under_every_rule_and_beside_the_claims(
    make_subject: MakeSubject,
) -> None:
    figure = triangle(make_subject(records.quick()))
    assert len(figure.chart.marks) == 14
    assert {claim.family for claim in figure.chart.claims} == {"bottleneck", "low_rank", "prompt"}
    assert list(figure.variants) == ["by rank", "fixed range", "as deployed"]


def test_a_trade_off_joins_its_front_and_holds_every_mark(make_subject: MakeSubject) -> None:
    subject = make_subject(records.quick())
    for figure in trade_offs(subject):
        (line,) = figure.chart.lines
        best = max(mark.y for mark in figure.chart.marks)
        assert max(y for _, y in line.points) == best
        assert [x for x, _ in line.points] == sorted(x for x, _ in line.points)
        assert len(figure.chart.marks) == 14


def test_sizes_have_a_line_per_method_with_two_sizes(make_subject: MakeSubject) -> None:
    figure = sizes(make_subject(records.quick(sizes=(4, 16, 64))))
    assert len(figure.chart.lines) == 5
    assert all(len(line.points) == 3 for line in figure.chart.lines)
    assert {reference.label for reference in figure.chart.references} == {
        "floor",
        "full fine-tuning",
    }


def test_the_nulls_stand_on_top_of_the_forest(make_subject: MakeSubject) -> None:
    (first, nulls), (second, others) = merging(make_subject(records.quick())).chart.groups
    assert "Nulls" in first
    assert {row.label for row in nulls} == {
        "full, in place", "head, in place", "bitfit, in place",
        "lora 4, merged", "lora 16, merged", "ia3, merged",
    }  # fmt: skip
    assert "Unmerged" in second
    assert [row.value for row in others] == sorted(row.value for row in others)


def test_charts_with_a_row_each_stay_readable_with_many(make_subject: MakeSubject) -> None:
    subject = make_subject(records.quick(sizes=tuple(range(1, 40))))
    methods = {entry.method for entry in subject.few}
    assert len(subject.few) == 30
    assert methods == set(records.METHODS)


def test_without_figures_there_is_no_chart_and_the_caption_says_why(
    make_subject: MakeSubject,
) -> None:
    made = [records.record(m, 8, latency=None, memory=None) for m in ("lora", "houlsby")]
    subject = make_subject(made)
    for figure in (triangle(subject), merging(subject), *trade_offs(subject)[:2]):
        assert figure.chart is None
        assert "Nothing can be concluded" in figure.caption


def test_zeros_stand_a_step_below_the_rest_of_a_log_axis() -> None:
    made = axis("bytes", [0.0, 1e3, 1e6], str, log=True)
    assert made.zero is not None
    assert made.low < made.on(0.0) == made.zero < 1e3 == made.on(1e3)
    assert 0 < made.place(0.0) < made.place(1e3) < made.place(1e6) < 1
    assert made.ticks[0] == (made.zero, "0")
    assert axis("bytes", [1e3, 1e6], str, log=True).zero is None
