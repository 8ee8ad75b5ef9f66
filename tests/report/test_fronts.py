from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.analysis.fronts import AXES, fronts
from harness.analysis.pareto import front
from harness.report.data import study_data
from harness.report.fronts import FIRST, LARGEST, SMALLEST, pareto_fronts
from harness.report.picture import safe_json
from harness.report.stills import inline
from harness.report.subject import MOST
from tests import records
from tests.report.conftest import HOSTILE, MakeSubject, opened


def test_the_table_names_the_members_of_all_ten_fronts(make_subject: MakeSubject) -> None:
    subject = make_subject(records.quick())
    made = pareto_fronts(subject)
    assert len(made.rows) == 10
    assert len({row.figures for row in made.rows}) == 10
    for row, found in zip(made.rows, fronts(subject.study), strict=True):
        assert row.known == len(found.known) == 14
        told = {*re.split(", | and ", row.firm), *re.split(", | and ", row.loose)}
        members = {member.entry.label for member in found.members}
        if len(members) <= 8:
            assert told - {"–"} == members


def test_the_caption_counts_the_front_and_names_who_is_on_none(make_subject: MakeSubject) -> None:
    subject = make_subject(records.quick())
    made = pareto_fronts(subject)
    found = next(f for f in fronts(subject.study) if set(f.figures) == set(FIRST))
    assert f"{len(found.members)} of {len(found.known)} are on the front" in made.caption
    on = {m.entry.label for f in fronts(subject.study) for m in f.members}
    never = [e.label for e in subject.entries if e.label not in on]
    if never:
        told = made.caption.split("whichever three matter: ")[1]
        assert all(label in told for label in never[:6])


def test_the_best_of_the_third_figure_has_the_largest_mark(make_subject: MakeSubject) -> None:
    subject = make_subject(records.quick())
    (_, first), (_, second) = pareto_fronts(subject).stills
    by_place = {(e["train_memory"].value, e["quality"].value): e for e in subject.entries}
    marks = sorted(first.marks, key=lambda mark: mark.size)
    ratios = [by_place[mark.x, mark.y]["unmerged"].value for mark in marks]
    assert ratios == sorted(ratios, reverse=True)
    assert all(SMALLEST <= mark.size <= LARGEST for mark in (*first.marks, *second.marks))
    assert len(first.marks) == len(second.marks) == 14


def test_members_stand_out_and_the_rest_is_faint(make_subject: MakeSubject) -> None:
    subject = make_subject(records.quick())
    (_, chart), _ = pareto_fronts(subject).stills
    found = next(f for f in fronts(subject.study) if set(f.figures) == set(FIRST))
    named = {mark.label: mark.shape for mark in chart.marks if mark.label}
    assert set(named) == {m.entry.label for m in found.members}
    assert {label for label, shape in named.items() if shape.pale} == {e.label for e in found.loose}
    assert all(mark.shape.faded is (mark.label == "") for mark in chart.marks)
    assert "opacity: 0.3" in inline(chart, "x")


def test_a_still_holds_no_more_than_a_reader_can_take_in(make_subject: MakeSubject) -> None:
    subject = make_subject(records.quick(sizes=tuple(range(1, 71))))
    (words, chart), _ = pareto_fronts(subject).stills
    assert len(chart.marks) == MOST < len(subject.entries)
    assert f"{MOST} of {len(subject.entries)}" in words


def test_without_a_third_figure_nothing_is_drawn_and_the_caption_says_so(
    make_subject: MakeSubject,
) -> None:
    made = pareto_fronts(make_subject([records.record("lora", 8, latency=None)]))
    assert made.data is None
    assert "Nothing can be concluded" in made.caption


def test_the_data_is_what_the_studys_does_not_say(make_subject: MakeSubject) -> None:
    subject = make_subject([*records.quick(), records.record(HOSTILE, 8, family=HOSTILE)])
    data = json.loads(safe_json(pareto_fronts(subject).data))
    own = study_data(subject, Path("index.html"))
    assert data["figures"].keys() == {*AXES} <= own["figures"].keys()
    assert data["symbols"].keys() == {*own["methods"]["words"]}
    assert data["colours"].keys() == {*own["families"]["words"]}


def columns(page: Any) -> dict[str, list[float]]:
    """The values of a page's only study by figure, as its script reads them."""
    read = "([study]) => Object.fromEntries(AXES.map((it) => [it, [...figure(study, it).value]]))"
    return page.evaluate(f"AXES => ({read})([...studies.values()])", list(AXES))


@pytest.mark.browser
def test_the_script_finds_the_same_fronts(browser: object, sweep_page: Path) -> None:
    generator = np.random.default_rng(3)
    cases = []
    for axes, more in ((3, (True, False, False)), (3, (False, False, False))):
        points = generator.integers(0, 9, (200, axes)).astype(float)
        points[generator.random(points.shape) < 0.03] = np.nan
        expected = np.flatnonzero(front(points, more)).tolist()
        figures = [
            {"more": m, "value": column.tolist()} for m, column in zip(more, points.T, strict=True)
        ]
        cases.append((figures, expected))
    with opened(browser, sweep_page) as page:
        data = json.loads(page.locator(".front-data").text_content())
        own = columns(page)
        for three in combinations(AXES, 3):
            figures = [{"more": data["figures"][f]["more"], "value": own[f]} for f in three]
            values = np.array([own[figure] for figure in three]).T
            more = [f["more"] for f in figures]
            cases.append((figures, np.flatnonzero(front(values, more)).tolist()))
        for figures, expected in cases:
            found = page.evaluate("figures => paretoFront(figures).front", figures)
            assert sorted(found) == expected


@pytest.mark.browser
def test_a_reader_picks_the_three_figures_by_keyboard(browser: object, sweep_page: Path) -> None:
    with opened(browser, sweep_page) as page:
        figure = page.locator("#fronts-figure")
        plot = page.locator("#fronts-plot")
        selects = {role: figure.locator(f"select[data-role={role}]") for role in "xyz"}

        def state() -> tuple[str, ...]:
            return tuple(selects[role].input_value() for role in "xyz")

        data = json.loads(page.locator(".front-data").text_content())
        own = columns(page)
        labels = page.evaluate("[...studies.values()][0].labels")
        assert state() == FIRST
        words = figure.locator(".front-words").text_content()
        assert plot.locator("path.point").count() == len(labels)
        assert "accuracy" in plot.locator(".ytitle").text_content()

        # The next figure after training memory is unmerged latency, which was the size of marks.
        selects["x"].focus()
        page.keyboard.press("ArrowDown")
        assert state() == ("unmerged", "quality", "train_memory")
        assert "latency" in plot.locator(".xtitle").text_content()

        selects["z"].select_option("file_bytes")
        assert state() == ("unmerged", "quality", "file_bytes")
        told = figure.locator(".front-words").text_content()
        assert told != words
        figures = [data["figures"][name] for name in state()]
        values = np.array([own[name] for name in state()]).T
        members = np.flatnonzero(front(values, [f["more"] for f in figures]))
        assert told.startswith(f"{len(members)} of {len(labels)} on the front.")
        assert all(labels[n].replace("\u2028", "") in told.replace("\u2028", "") for n in members)


@pytest.mark.browser
def test_without_javascript_the_fronts_are_a_table_and_two_stills(
    browser: object, sweep_page: Path
) -> None:
    with opened(browser, sweep_page, java_script_enabled=False) as page:
        assert page.locator("#fronts-figure .still svg:visible").count() == 2
        assert page.locator("#trade-offs tbody tr:visible").count() == 10
        assert page.locator("#fronts-figure select:visible").count() == 0
