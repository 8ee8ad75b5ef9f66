from __future__ import annotations

from pathlib import Path

from harness.report import build, ended, summary
from harness.report.search import alerts, caption, search, searched
from tests import records, searches
from tests.report.conftest import HOSTILE, MakeSubject

INSIDE = {1e-4: 0.5, 1e-3: 0.7, 1e-2: 0.6}
RISING = {1e-4: 0.65, 1e-3: 0.68, 1e-2: 0.72}


def study(method: str, size: int | None, scores: searches.Rungs) -> list[dict]:
    """A search and the final trials at what it chose."""
    last = scores[max(scores)]
    best = max(last, key=lambda rate: last[rate] or 0.0)
    return [*searches.search(method, size, scores), *searches.final(method, size, best)]


def test_caption_tells_what_the_rate_moves_and_whose_best_is_at_the_edge(
    make_subject: MakeSubject,
) -> None:
    made = [*study("lora", 8, {100: INSIDE}), *study("ia3", None, {100: RISING})]
    told = caption(make_subject(made))
    assert "moves validation by 7.0 points for ia3 to 20.0 points for lora 8." in told
    assert "lie 2.0 points apart on validation: for 2 of 2 the worst rate costs more" in told
    assert "A better rate may lie beyond what was tried for ia3 at the upper edge." in told
    assert "did not end well" not in told


def test_caption_says_where_no_rate_is_at_the_edge_and_what_failed(
    make_subject: MakeSubject,
) -> None:
    told = caption(make_subject(study("lora", 8, {100: INSIDE | {1e-1: None}})))
    assert "moves validation by 20.0 points for lora 8." in told
    assert "1 of the searches' 4 trials did not end well." in told
    assert "No chosen rate lies at the edge of what was tried." in told
    assert "apart on validation" not in told


def test_alerts_name_edges_presets_and_unequal_budgets(make_subject: MakeSubject) -> None:
    made = [
        *study("lora", 8, {100: INSIDE}),
        *study("ia3", None, {50: RISING, 100: {1e-3: 0.7, 1e-2: 0.72}}),
        records.record("bitfit", None),
    ]
    subject = make_subject(made)
    edge, preset, unequal = alerts(subject)
    assert edge.startswith("The learning rate chosen for ia3 lies at the edge")
    assert "for 2 configurations, and not for bitfit: theirs are the presets'" in preset
    assert unequal == "Not all searches for a learning rate had the same budget."
    assert set(alerts(subject)) <= set(summary.alerts(subject))


def test_without_any_search_nothing_is_alerted_and_the_caption_says_so(
    make_subject: MakeSubject,
) -> None:
    subject = make_subject(records.quick())
    assert alerts(subject) == ()
    assert search(subject).chart is None
    assert caption(subject).startswith("No learning rate was searched for: ")
    assert (searched(subject).budget, searched(subject).rows) == ("", ())


def test_a_line_per_configuration_on_a_log_scale_and_its_chosen_rate_named(
    make_subject: MakeSubject,
) -> None:
    rungs = {33: INSIDE | {1e-1: None}, 100: {1e-3: 0.74, 1e-2: 0.78}}
    chart = search(make_subject(study("lora", 8, rungs))).chart
    assert chart is not None
    assert chart.x.log
    (line,) = chart.lines
    assert (line.family, line.points) == ("low_rank", tuple(sorted(INSIDE.items())))
    (named,) = [mark for mark in chart.marks if mark.label]
    assert (named.label, named.x, named.y) == ("lora 8", 1e-2, 0.78)
    assert "100 steps" in named.hover
    assert sorted((m.x, m.y) for m in chart.marks if not m.label) == sorted(INSIDE.items())
    assert all(0 < chart.y.place(mark.y) < 1 for mark in chart.marks)


def test_the_budget_is_one_sentence_and_each_search_a_row(make_subject: MakeSubject) -> None:
    rungs = {33: INSIDE, 100: {1e-3: 0.7, 1e-2: 0.6}}
    made = searched(make_subject([*study("lora", 8, rungs), *study("ia3", None, rungs)]))
    assert made.budget.startswith(
        "The same budget for each: 3 rates for 33 steps, then 2 rates for 100 steps; 5 trials and "
        "4,784 examples in all, with seed 1000,"
    )
    assert [row.label for row in made.rows] == ["lora 8", "ia3"]
    cells = [cell.text for cell in made.rows[0].cells]
    assert cells == ["0.0001–0.01", "0.001", "70.0", "20.0", "0", "5", "4,784"]


def test_a_search_in_which_nothing_ended_well_is_a_row_of_reasons(
    make_subject: MakeSubject,
) -> None:
    lost = searches.search("lora", 8, {100: dict.fromkeys(INSIDE)})
    subject = make_subject([*lost, *study("ia3", None, {100: INSIDE})])
    row = searched(subject).rows[-1]
    assert (row.label, row.cells[1].text, row.cells[1].reason) == (
        "lora 8", "–", "no rate ended well",
    )  # fmt: skip
    assert [mark.label for mark in search(subject).chart.marks if mark.label] == ["ia3"]


def test_what_failed_in_a_search_stands_among_what_failed(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    made = [*study("lora", 8, {100: INSIDE | {1e-1: None}}), records.failed(method="ia3")]
    found = ended.failures(make_subject(made), tmp_path).reasons
    assert [(one.trials[0].text, one.status) for one in found] == [
        ("ia3, seed 0", "failed"),
        ("search of lora 8 at learning rate 0.1, 100 steps", "diverged"),
    ]


def test_a_page_with_searches_escapes_their_names_and_has_the_figure(tmp_path: Path) -> None:
    made = [*study(HOSTILE, 8, {100: INSIDE | {1e-1: None}}), *study("ia3", None, {100: RISING})]
    page = build(records.write(tmp_path / "results", made), tmp_path / "index.html").read_text()
    assert 'id="search-figure"' in page
    assert "Every search: what was tried, chosen and spent" in page
    assert "<script>alert(1)" not in page
