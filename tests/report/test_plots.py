from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harness.report.capacity import capacity
from harness.report.figures import memory, merging, triangle
from harness.report.forgetting import forgetting
from harness.report.planes import sizes, trade_offs
from harness.report.plots import plot
from harness.report.prediction import prediction
from harness.report.serving import serving
from harness.report.style import LIGHT
from tests import further, records
from tests.report.conftest import HOSTILE, MakeSubject


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def figures(make_subject: MakeSubject) -> list:
    rows = [*records.quick(), records.record(HOSTILE, 8, family=HOSTILE)]
    made = [records.predicted(further.measured(row), 1.02, 0.97) for row in rows]
    subject = make_subject(made)
    return [
        triangle(subject), *trade_offs(subject), sizes(subject), merging(subject),
        prediction(subject), memory(subject), capacity(subject), forgetting(subject),
        serving(subject),
    ]  # fmt: skip


def test_plots_are_plain_json_and_every_mark_is_in_them(make_subject: MakeSubject) -> None:
    for figure in figures(make_subject):
        spec = plot(figure.chart)
        assert json.loads(json.dumps(spec, allow_nan=False)) == spec
        assert spec["data"]
        assert spec["layout"]["height"] > 100


def test_a_label_is_escaped_wherever_plotly_reads_html(make_subject: MakeSubject) -> None:
    found = [text for f in figures(make_subject) for text in strings(plot(f.chart))]
    assert not any("<script" in text for text in found)
    assert any("&lt;script&gt;" in text for text in found)
    # A template is never made of a label: what stands in %{…} there would be looked up.
    templates = {t for t in found if "%{" in t and "<extra>" in t}
    assert templates == {"%{customdata}<extra></extra>"}


def test_colours_are_names_that_the_page_knows(make_subject: MakeSubject) -> None:
    for figure in figures(make_subject):
        for text in strings(plot(figure.chart)):
            if text.startswith("--"):
                assert text[2:].split("/")[0] in LIGHT


def test_a_ternary_mark_lies_at_its_weights(make_subject: MakeSubject) -> None:
    chart = triangle(make_subject(records.quick())).chart
    traces = plot(chart)["data"]
    at = {weights for t in traces for weights in zip(t["a"], t["b"], t["c"], strict=True)}
    assert at == {mark.weights for mark in (*chart.marks, *chart.claims)}


def test_whiskers_reach_from_the_mark_to_its_bounds(make_subject: MakeSubject) -> None:
    chart = trade_offs(make_subject(records.quick()))[1].chart
    spans = {
        (x, y): (y - below, x + above)
        for trace in plot(chart)["data"]
        if trace["mode"] != "lines"
        for x, y, below, above in zip(
            trace["x"],
            trace["y"],
            trace["error_y"]["arrayminus"],
            trace["error_x"]["array"],
            strict=True,
        )
    }
    assert len(spans) == len(chart.marks)
    for mark in chart.marks:
        low, high = spans[mark.x, mark.y]
        assert abs(low - mark.y_bounds[0]) < 1e-12
        assert abs(high - mark.x_bounds[1]) < 1e-12


def test_a_forest_has_its_line_where_there_is_no_effect(make_subject: MakeSubject) -> None:
    subject = make_subject([further.measured(row) for row in records.quick()])
    for figure, neutral in ((merging(subject), 1.0), (forgetting(subject), 0.0)):
        line = plot(figure.chart)["layout"]["shapes"][0]
        assert (line["x0"], line["x1"]) == (neutral, neutral)
