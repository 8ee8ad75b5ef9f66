from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis.overview import across
from harness.analysis.study import studies
from harness.report import build
from harness.report.overview import SHADES, Overview, overview, shade
from harness.report.slopes import slopes
from harness.report.style import shapes
from harness.report.subject import Subject
from harness.store import load
from tests import records
from tests.report.conftest import HOSTILE, opened
from tests.report.test_page import Page


def side_by_side(folder: Path, made: list[dict]) -> Overview | None:
    found = studies(load(records.write(folder / "results", made)))
    return overview([(f"s{n}-", Subject(study)) for n, study in enumerate(found)])


def clear(task: str, model: str = "minilm", **qualities: float) -> list[dict]:
    """Records whose intervals of 0.01 either way tell their qualities apart or do not."""
    return [
        records.record(
            method, 8, model=model, task=task, quality__value=q, quality__metric="other",
            quality__ci_low=q - 0.01, quality__ci_high=q + 0.01,
        )
        for method, q in qualities.items()
    ]  # fmt: skip


def three() -> list[dict]:
    return [
        *clear("one", lora=0.80, houlsby=0.70, pfeiffer=0.795, full=0.85, head=0.5),
        *clear("two", lora=0.80, houlsby=0.70, pfeiffer=0.60, full=0.80, head=0.5),
        *clear("three", lora=0.60, houlsby=0.70, full=0.75, head=0.5),
    ]


def test_the_sentences_say_who_leads_and_that_none_leads_everywhere(tmp_path: Path) -> None:
    made = [
        *clear("one", lora=0.80, houlsby=0.70, pfeiffer=0.795),
        *clear("two", lora=0.80, houlsby=0.70, pfeiffer=0.60),
        *clear("three", lora=0.60, houlsby=0.70),
    ]
    found = side_by_side(tmp_path, made)
    assert found.sentences == (
        "lora 8 is best or tied for best in 2 of 3 studies; no method leads everywhere.",
        "Not ranked in every study: pfeiffer 8.",
    )
    rows = {row.label: row for row in found.rows}
    assert (rows["lora 8"].led, rows["lora 8"].mean_rank) == ("2 of 3", "rank 1.3, 1 to 2")
    assert (rows["pfeiffer 8"].led, rows["pfeiffer 8"].mean_rank) == ("1 of 2", "no mean rank")
    cells = dict(zip([h.task for h in found.headings], rows["pfeiffer 8"].cells, strict=True))
    assert cells["three"].reason == "not run in this study"
    assert (cells["one"].rank, cells["one"].leads) == ("1=", True)
    assert (cells["two"].rank, cells["two"].shade) == ("3", 0)


def test_shades_follow_the_ranks_of_a_column(tmp_path: Path) -> None:
    assert [shade(rank, 9) for rank in range(1, 10)] == [4, 3, 3, 2, 2, 2, 1, 0, 0]
    assert shade(1, 1) == SHADES
    found = side_by_side(tmp_path, three())
    for column in range(3):
        cells = [row.cells[column] for row in found.rows if not row.cells[column].reason]
        ranked = sorted(cells, key=lambda cell: int(cell.rank.rstrip("=")))
        shades = [cell.shade for cell in ranked]
        assert shades == sorted(shades, reverse=True)


def test_a_pair_that_changes_places_is_named_with_the_studies(tmp_path: Path) -> None:
    changes = side_by_side(tmp_path, three()).changes
    # Six pairs meet in three studies and four in two: (6 x 2 + 4) / 40 by chance.
    assert changes.lead.startswith("For 2 of 10 pairs of configurations: one is better")
    assert set(changes.examples) == {
        "lora 8 is better than houlsby 8 in one and two, worse in three.",
        "houlsby 8 is better than pfeiffer 8 in two, worse in one.",
    }
    assert "Chance alone could make up to about 0.4 such pairs." in changes.lead


def test_no_change_is_claimed_within_noise(tmp_path: Path) -> None:
    made = [*clear("one", lora=0.80, houlsby=0.795), *clear("two", lora=0.795, houlsby=0.80)]
    changes = side_by_side(tmp_path, made).changes
    assert changes.lead.startswith("Nowhere that can be told: of 1 pair of configurations")
    assert changes.rest[0].startswith("1 pair comes out in different orders, but")
    assert changes.examples == changes.turns == ()


def test_few_configurations_in_common_are_too_few_to_say(tmp_path: Path) -> None:
    made = [*clear("one", lora=0.80, houlsby=0.7), *clear("two", lora=0.8, houlsby=0.70)]
    assert "Too few configurations, 2 at most" in side_by_side(tmp_path, made).changes.rest[-1]


def test_the_decision_names_one_and_what_it_costs(tmp_path: Path) -> None:
    found = side_by_side(tmp_path, three())
    told = " ".join(found.decision.sentences)
    assert told.startswith("If one has to serve all 3: lora 8, best or tied for best in 1 of 3, ")
    assert "It is told to be behind in minilm on " in told
    (lora, houlsby) = found.decision.costs.rows
    assert [row.label for row in (lora, houlsby)] == ["lora 8", "houlsby 8"]
    titles = [column.title for column in found.decision.costs.columns]
    cells = dict(zip(titles, lora.cells, strict=True))
    of_lora, of_full = (records.record(m, 8)["memory"]["train"] for m in ("lora", "full"))
    share = of_lora["allocated_peak"] / of_full["allocated_peak"]
    assert cells["Training peak"].text == f"{100 * share:.0f}%"
    assert cells["Trained"].text == f"{(9_216 * 8 + 770) / 1000:.1f}k"
    # Least far in three: from 0.5 to 0.6 of 0.75.
    assert cells["Gap closed"].text == "40%"
    assert f"{cells['Training peak'].text} of full fine-tuning's training peak" in told


def test_the_decision_says_where_the_floor_does_better(tmp_path: Path) -> None:
    made = [*clear("one", lora=0.80, head=0.9), *clear("two", lora=0.80, head=0.79)]
    found = side_by_side(tmp_path, made)
    assert "Beside it, head leads or ties in 2." in found.decision.sentences
    assert found.sentences[1] == (
        "A head on the frozen base leads or ties in 2: training may not pay here."
    )
    other = side_by_side(tmp_path / "three", three())
    assert "Beside it, full leads or ties in 3 and head leads or ties in 0." in (
        other.decision.sentences
    )
    assert "may not pay" not in " ".join(other.sentences)


def test_ranks_alone_are_drawn_and_nothing_over_a_study_in_which_a_method_is_missing(
    tmp_path: Path,
) -> None:
    made = [
        *clear("a", lora=0.8, houlsby=0.7, pfeiffer=0.6),
        *clear("b", lora=0.7, houlsby=0.8),
        *clear("c", lora=0.8, houlsby=0.7, pfeiffer=0.6),
        *clear("d", lora=0.8, houlsby=0.7, pfeiffer=0.6),
    ]
    subjects = [Subject(study) for study in studies(load(records.write(tmp_path, made)))]
    held = across([subject.study for subject in subjects])
    names = [subject.study.task for subject in subjects]
    chart = slopes(held, subjects, names, shapes(row.method for row in held.rows)).chart
    ends = [(line.points[0][0], line.points[-1][0]) for line in chart.lines]
    gap = float(names.index("b"))
    assert sorted(ends).count((0.0, 3.0)) == 2
    assert not any(low < gap < high for low, high in ends if (low, high) != (0.0, 3.0))
    named = {mark.label: mark for mark in chart.marks if mark.label}
    assert set(named) == {"lora 8", "houlsby 8", "pfeiffer 8"}
    assert [text for _, text in chart.x.ticks] == ["1", "2", "3", "4"]


def test_one_study_needs_no_overview(tmp_path: Path) -> None:
    assert side_by_side(tmp_path, records.quick(sizes=(8,))) is None


def test_one_method_on_many_tasks_is_shown_and_nothing_concluded(tmp_path: Path) -> None:
    made = [row for n in range(5) for row in clear(f"t{n}", lora=0.8)]
    page = Page(build(records.write(tmp_path / "results", made), tmp_path / "index.html"))
    text = "".join(page.text)
    assert "Nothing can be concluded: no study has two configurations with a quality." in text
    assert "Where the ranking changes" not in text
    assert "One for all of them" not in text


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        ([("m", "a"), ("m", "b")], {"a", "b"}),
        ([("m", "a"), ("n", "a")], {"m", "n"}),
        ([("m", "a"), ("n", "b")], {"m on a", "n on b"}),
    ],
)
def test_studies_are_called_by_what_tells_them_apart(
    tmp_path: Path, pairs: list[tuple[str, str]], told: set[str]
) -> None:
    made = [row for m, t in pairs for row in clear(t, m, lora=0.8, houlsby=0.7)]
    assert set(side_by_side(tmp_path, made).changes.names) == told


def test_a_study_that_shares_nothing_is_named_as_what_prevents_a_pick(tmp_path: Path) -> None:
    made = [
        *clear("one", lora=0.8, houlsby=0.7, pfeiffer=0.6),
        *clear("two", lora=0.8, houlsby=0.7, bitfit=0.6),
        *clear("three", ia3=0.8, bitfit=0.7),
    ]
    told = " ".join(side_by_side(tmp_path, made).sentences)
    assert "so none is chosen for all of them; three alone lacks 2 of the 5." in told


def test_what_failed_is_told_with_its_studies(tmp_path: Path) -> None:
    made = [
        *clear("one", lora=0.8, houlsby=0.7, pfeiffer=0.6),
        *clear("two", lora=0.8, houlsby=0.7),
        records.failed("out_of_memory", HOSTILE, method="pfeiffer", size=8, task="two"),
        records.failed("diverged", "nan", method="bitfit", size=None, task="two"),
        records.failed("diverged", "nan", method="ia3", size=None, task="one"),
    ]
    found = side_by_side(tmp_path, made)
    assert found.missing == (
        ("pfeiffer 8 in two", f"out_of_memory: {HOSTILE}"),
        ("bitfit and ia3 in any study", "diverged: nan"),
    )


def test_the_overview_stands_before_the_first_study_and_leads_to_each(tmp_path: Path) -> None:
    made = [
        m
        for task in ("one", HOSTILE)
        for m in (*clear(task, lora=0.8, houlsby=0.7), *clear(task, **{HOSTILE: 0.75}))
    ]
    page = Page(build(records.write(tmp_path / "results", made), tmp_path / "index.html"))
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    assert ids.index("overview") < ids.index("study") < ids.index("s2-study")
    links = {a["href"] for a in page.all("a")}
    assert {"#overview", "#study", "#s2-study"} <= links
    assert "lora 8 is best or tied for best in 2 of 2 studies." in "".join(page.text)
    assert HOSTILE in "".join(page.text)
    assert not any(key.startswith("on") for _, attributes in page.elements for key in attributes)


def test_every_cell_with_a_quality_knows_its_trials(tmp_path: Path) -> None:
    made = three()
    page = Page(build(records.write(tmp_path / "results", made), tmp_path / "index.html"))
    trials = [a["data-trial"] for a in page.all("td") if "data-trial" in a]
    assert sorted(" ".join(trials).split()) == sorted(row["trial"] for row in made)


@pytest.mark.browser
def test_the_ranks_are_plotted_though_they_belong_to_no_one_study(
    browser: object, tmp_path: Path
) -> None:
    path = build(records.write(tmp_path / "results", three()), tmp_path / "index.html")
    for options in ({}, {"color_scheme": "dark"}):
        with opened(browser, path, **options) as page:
            figure = page.locator("#slopes-figure")
            figure.scroll_into_view_if_needed()
            figure.locator(".plot .point").first.wait_for()
            assert figure.locator(".plot .point").count() == 14
            page.locator("#slopes-figure .plot .nsewdrag").hover()


@pytest.mark.browser
def test_a_dozen_studies_scroll_in_their_own_box(browser: object, tmp_path: Path) -> None:
    made = [m for n in range(12) for m in clear(f"a_long_name_of_task_{n}", lora=0.8, houlsby=0.7)]
    path = build(records.write(tmp_path / "results", made), tmp_path / "index.html")
    for width in (390, 1280):
        with opened(
            browser, path, viewport={"width": width, "height": 800}, java_script_enabled=False
        ) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            box = page.locator("#overview .scroll").first
            assert box.evaluate("box => box.scrollWidth > box.clientWidth")
