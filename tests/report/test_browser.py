"""The page in a real browser: what it draws, what it asks for, what it complains about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import records
from tests.report.conftest import HOSTILE, LAPTOP, opened

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
CONFIGURATIONS = len(records.quick()) + 1  # and the one with the hostile name
PICTURES = 19
NAMED = (
    "triangle",
    "trade-memory",
    "trade-latency",
    "trade-deployed",
    "trade-bytes",
    "trade-parameters",
    "fronts",
    "sizes",
    "prediction",
    "capacity",
)
DARK_PAPER = "rgb(20, 23, 28)"


def count(page: Any, selector: str) -> int:
    return page.locator(selector).count()


def test_every_plot_draws_its_marks(browser: Any, sweep_page: Path) -> None:
    with opened(browser, sweep_page) as page:
        claims, weights, quality_marks = 3, 1, ".scatterlayer .points path.point"
        assert count(page, "#triangle-plot path.point") == CONFIGURATIONS + claims + weights
        for cost in ("memory", "latency", "deployed", "bytes", "parameters"):
            assert count(page, f"#trade-{cost}-plot {quality_marks}") == CONFIGURATIONS
        for plot in ("sizes", "fronts"):
            assert count(page, f"#{plot}-plot {quality_marks}") == CONFIGURATIONS
        # Two sizes and a ring for each of two bottlenecks, two prompts and one low-rank method.
        for number, curves in enumerate((2, 2, 1), 1):
            assert count(page, f"#curve-{number}-plot {quality_marks}") == 3 * curves
        # In place and merged, then what is not trained in place; each with its batch.
        nulls, unmerged = 3 + 4, CONFIGURATIONS - 3
        assert count(page, f"#merging-plot {quality_marks}") == 2 * (nulls + unmerged)
        assert count(page, "#memory-plot .bars path") == 4 * CONFIGURATIONS
        # All but the hostile one, trained and asked.
        assert count(page, f"#prediction-plot {quality_marks}") == 2 * (CONFIGURATIONS - 1)
        assert count(page, f"#capacity-plot {quality_marks}") == CONFIGURATIONS - 1  # not the head
        adapters_off = CONFIGURATIONS - 3
        assert count(page, f"#forgetting-plot {quality_marks}") == CONFIGURATIONS + adapters_off
        # Both sizes of lora mix and merge, ia3 merges.
        assert count(page, f"#serving-plot {quality_marks}") == 2 + 2 + 3
        assert page.locator(".still:visible").count() == 0


def test_a_hostile_label_is_shown_and_never_run(browser: Any, sweep_page: Path) -> None:
    with opened(browser, sweep_page) as page:
        shown = page.locator("#trade-memory-plot .textpoint").all_text_contents()
        assert any(text.startswith("<script>alert(1)</script>") for text in shown)
        row = page.locator("#methods tbody th", has_text="<script>")
        assert HOSTILE.replace("\u2028", "") in row.text_content().replace("\u2028", "")


def test_hovering_tells_the_figures(browser: Any, sweep_page: Path) -> None:
    with opened(browser, sweep_page) as page:
        page.locator("#trade-memory-plot").scroll_into_view_if_needed()
        # What comes into view is laid out only then, and moves what stands below it.
        page.wait_for_timeout(500)
        page.locator("#trade-memory-plot path.point").first.hover(force=True)
        page.wait_for_selector("#trade-memory-plot .hovertext")
        assert "points" in page.locator("#trade-memory-plot .hovertext").first.text_content()


def test_columns_sort_both_ways_and_what_is_missing_stays_last(
    browser: Any, sweep_page: Path
) -> None:
    with opened(browser, sweep_page) as page:
        header = page.locator(
            "#methods th", has=page.get_by_role("button", name="Merged", exact=True)
        )
        column = page.locator("#methods thead th").all_text_contents()
        place = next(i for i, text in enumerate(column) if text.startswith("Merged"))
        seen = []
        for direction in ("ascending", "descending"):
            header.get_by_role("button").press("Enter")
            assert header.get_attribute("aria-sort") == direction
            cells = page.locator(f"#methods tbody tr > :nth-child({place + 1})")
            orders = cells.evaluate_all("cells => cells.map(cell => cell.dataset.order ?? null)")
            known = [float(value) for value in orders if value is not None]
            assert orders[len(known) :] == [None] * (len(orders) - len(known))
            assert known == sorted(known, reverse=direction == "descending")
            assert len(known) > 2
            seen.append(known)
        assert seen[0] == seen[1][::-1]


def test_another_rule_moves_the_marks_of_the_triangle(browser: Any, sweep_page: Path) -> None:
    places = "marks => marks.map(mark => mark.getAttribute('transform'))"
    with opened(browser, sweep_page) as page:
        marks = page.locator("#triangle-plot path.point")
        before = marks.evaluate_all(places)
        page.get_by_role("radio", name="by rank").check()
        after = marks.evaluate_all(places)
        assert before != after
        assert len(after) > 10


def test_dark_mode_turns_page_and_plots_dark(browser: Any, sweep_page: Path) -> None:
    ink = "element => getComputedStyle(element).fill"
    found = {}
    for scheme in ("light", "dark"):
        with opened(browser, sweep_page, color_scheme=scheme) as page:
            paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
            title = page.locator("#trade-memory-plot .xtitle").evaluate(ink)
            found[scheme] = paper, title
    assert found["dark"][0] == DARK_PAPER
    assert found["light"][0] == "rgb(255, 255, 255)"
    assert found["light"][1] != found["dark"][1]


def test_a_change_of_scheme_recolours_what_is_drawn(browser: Any, sweep_page: Path) -> None:
    with opened(browser, sweep_page) as page:
        fill = page.locator("#trade-memory-plot .xtitle")
        before = fill.evaluate("element => getComputedStyle(element).fill")
        page.emulate_media(color_scheme="dark")
        page.wait_for_timeout(500)
        assert fill.evaluate("element => getComputedStyle(element).fill") != before


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_the_page_never_scrolls_sideways(browser: Any, sweep_page: Path, width: int) -> None:
    with opened(browser, sweep_page, viewport={"width": width, "height": 800}) as page:
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_javascript_text_table_and_stills_are_there(browser: Any, sweep_page: Path) -> None:
    with opened(browser, sweep_page, java_script_enabled=False) as page:
        assert page.locator(".still svg:visible").count() == PICTURES
        assert count(page, "#methods tbody tr") == CONFIGURATIONS
        assert page.locator("fieldset:visible").count() == 0


def test_paper_gets_the_stills(browser: Any, sweep_page: Path) -> None:
    with opened(browser, sweep_page) as page:
        page.emulate_media(media="print")
        assert page.locator(".still svg:visible").count() == PICTURES
        assert page.locator(".plot:visible").count() == 0


def test_names_in_a_plot_do_not_cover_each_other(browser: Any, sweep_page: Path) -> None:
    boxes_of = """texts => texts.filter(t => t.textContent).map(t => t.getBoundingClientRect())
        .map(b => [b.left + 1, b.top + 3, b.right - 1, b.bottom - 3])"""
    for size in (LAPTOP, PHONE):
        with opened(browser, sweep_page, viewport=size) as page:
            for plot in NAMED:
                boxes = page.locator(f"#{plot}-plot .textpoint").evaluate_all(boxes_of)
                assert len(boxes) > 5
                for index, a in enumerate(boxes):
                    for b in boxes[:index]:
                        apart = a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]
                        assert apart, (plot, size)


def test_the_first_paint_does_not_wait_for_the_plot_library(browser: Any, sweep_page: Path) -> None:
    with opened(browser, sweep_page) as page:
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        parsed = page.evaluate(
            "performance.timing.domInteractive - performance.timing.navigationStart"
        )
        assert paint < 5000
        assert count(page, "script#plot-library[type='text/plain']") == 1
        assert paint < parsed + 2000
