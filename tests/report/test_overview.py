from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis.study import studies
from harness.report import build
from harness.report.overview import Overview, overview
from harness.report.subject import Subject
from harness.store import load
from tests import records
from tests.report.conftest import HOSTILE, opened
from tests.report.test_page import Page


def side_by_side(folder: Path, made: list[dict]) -> Overview | None:
    found = studies(load(records.write(folder / "results", made)))
    return overview([(f"s{n}-", Subject(study)) for n, study in enumerate(found)])


def clear(task: str, **qualities: float) -> list[dict]:
    """Records whose intervals of 0.01 either way tell their qualities apart or do not."""
    return [
        records.record(
            method, 8, task=task, quality__value=q, quality__metric="other",
            quality__ci_low=q - 0.01, quality__ci_high=q + 0.01,
        )
        for method, q in qualities.items()
    ]  # fmt: skip


def test_the_sentence_says_who_leads_and_that_none_leads_everywhere(tmp_path: Path) -> None:
    made = [
        *clear("one", lora=0.80, houlsby=0.70, pfeiffer=0.795),
        *clear("two", lora=0.80, houlsby=0.70, pfeiffer=0.60),
        *clear("three", lora=0.60, houlsby=0.70),
    ]
    found = side_by_side(tmp_path, made)
    assert found.sentence == (
        "lora leads or ties for the lead in 2 of 3; no method leads everywhere. "
        "Not run in every study: pfeiffer."
    )
    rows = {row.method: row for row in found.rows}
    assert (rows["lora"].led, rows["lora"].mean_rank) == ("2 of 3", "1.3")
    assert (rows["pfeiffer"].led, rows["pfeiffer"].mean_rank) == ("1 of 2", "2.0")
    cells = dict(zip([h.task for h in found.headings], rows["pfeiffer"].cells, strict=True))
    assert cells["three"] is None
    assert (cells["one"].rank, cells["one"].leads) == ("1=", True)
    assert cells["two"].rank == "3"


def test_one_study_needs_no_overview(tmp_path: Path) -> None:
    assert side_by_side(tmp_path, records.quick(sizes=(8,))) is None


def test_the_overview_stands_before_the_first_study_and_leads_to_each(tmp_path: Path) -> None:
    made = [
        m
        for task in ("one", HOSTILE)
        for m in (*clear(task, lora=0.8, houlsby=0.7), *clear(task, **{HOSTILE: 0.75}))
    ]
    page = Page(build(records.write(tmp_path / "results", made), tmp_path / "index.html"))
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert ids.index("overview") < ids.index("study") < ids.index("s2-study")
    links = {a["href"] for a in page.all("a")}
    assert {"#overview", "#study", "#s2-study"} <= links
    assert "lora leads or ties for the lead in 2 of 2." in "".join(page.text)
    assert HOSTILE in "".join(page.text)


@pytest.mark.browser
def test_a_dozen_studies_scroll_in_their_own_box(browser: object, tmp_path: Path) -> None:
    made = [m for n in range(12) for m in clear(f"a_long_name_of_task_{n}", lora=0.8, houlsby=0.7)]
    path = build(records.write(tmp_path / "results", made), tmp_path / "index.html")
    for width in (390, 1280):
        with opened(
            browser, path, viewport={"width": width, "height": 800}, java_script_enabled=False
        ) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            box = page.locator("#overview .scroll")
            assert box.evaluate("box => box.scrollWidth > box.clientWidth")
