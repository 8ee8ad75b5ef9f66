from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from harness.analysis.fit_table import ArithmeticRow
from harness.report import fit_words
from harness.report.fits import page
from tests import fit_tables
from tests.fit_tables import GIB
from tests.report.conftest import HOSTILE, opened


class Rows(HTMLParser):
    """Elements, and the text of each row's cells, hidden words included."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._inside, self._in_cell = "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self._inside = tag
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in ("th", "td")

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.text += data
            if self._in_cell:
                self.rows[-1][-1] += f" {data.strip()}"

    def starting(self, label: str) -> list[str]:
        """The first row of that name, words apart by one space."""
        rows = [[" ".join(cell.split()) for cell in row] for row in self.rows]
        return next(row for row in rows if row and row[0] == label)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_each_card_says_in_words_what_fits_and_how_much_is_left() -> None:
    row = fit_tables.row(
        "lora", 8, train_peak_bytes=int(20.5 * GIB), inference_peak_bytes=int(7.25 * GIB)
    )
    cells = Rows(page(fit_tables.table(row))).starting("lora 8")
    assert cells[1:8] == [
        "1 × 512",
        "◐ inference −13.3",
        "◐ inference −5.3",
        "✓ trains +2.7",
        "✓ trains +26.7",
        "✓ trains +58.7",
        "✓ trains +119.7",
    ]
    assert cells[8:10] == ["20.5", "7.2"]
    neither = replace(row, inference_peak_bytes=int(7.25 * GIB) + 1)
    assert Rows(page(fit_tables.table(neither))).starting("lora 8")[2] == "✗ no −13.3"


@pytest.mark.parametrize(("bytes_over", "said"), [(0, "✓ trains +0.0"), (1, "◐ inference −0.1")])
def test_at_the_edge_no_room_is_promised_that_is_not_there(bytes_over: int, said: str) -> None:
    row = fit_tables.row("lora", 8, train_peak_bytes=int(23.25 * GIB) + bytes_over)
    assert Rows(page(fit_tables.table(row))).starting("lora 8")[4] == said


def test_the_summary_names_the_card_for_full_fine_tuning_and_the_most_on_24_gib() -> None:
    told = [plain(sentence) for sentence in fit_words.sentences(fit_tables.table())]
    full = fit_tables.row("full", None)
    assert told[0] == (
        f"Full fine-tuning of llama3_2_3b needs {full.train_peak_bytes / GIB:.1f} GiB for a batch "
        "of 1 × 512 tokens, so 48 GiB is the smallest card."
    )
    assert told[1] == (
        "The most that trains on 24 GiB at 1 × 512 tokens is lora 64: 97.3M parameters, with "
        "15.5 GiB to spare."
    )
    assert told[2].startswith("The most text that trains there is 4 × 768 tokens, with ")
    assert told[3] == "prompt_tuning 4 needs the least, 7.2 GiB, which fits on 8 GiB."
    assert told[4] == (
        "The parameter-efficient methods need 7.2 to 7.7 GiB at 1 × 512 tokens and "
        "44.1 to 44.7 GiB at 8 × 2,048 tokens."
    )


def test_what_fits_nowhere_is_said_to_fit_nowhere() -> None:
    row = fit_tables.row("full", None, train_peak_bytes=400 * GIB)
    told = fit_words.sentences(fit_tables.table(row))
    assert told[0].endswith("more than any of these cards holds.")
    assert told[1] == "On 24 GiB nothing trains."


def test_without_any_figure_the_page_says_so_and_why() -> None:
    made = Rows(page(fit_tables.table(fit_tables.failed(error="no such layer"))))
    assert "Nothing could be predicted." in made.text
    assert "lora 8, 1 × 512 tokens: no such layer" in plain(made.text)
    assert made.starting("lora 8")[2] == "– not predicted: no such layer"


def test_settings_that_could_not_be_predicted_are_counted() -> None:
    table = fit_tables.table(fit_tables.row("lora", 8), fit_tables.failed("lora", 16))
    assert fit_words.sentences(table)[-1] == "1 setting could not be predicted."


def test_bars_are_shares_of_the_largest_peak_and_their_figures_stand_beside_them() -> None:
    large = fit_tables.row(
        "full", None, weights=6 * GIB, gradients=6 * GIB, optimizer=12 * GIB,
        activations=16 * GIB, train_peak_bytes=40 * GIB,
    )  # fmt: skip
    html = page(fit_tables.table(large, arithmetic=()))
    drawn = html.split('<section id="parts">')[1]
    widths = re.findall(r'<span style="width:([\d.]+)%;background:var\(--part-(\w+)\)', drawn)
    assert widths == [
        ("15.0", "weights"), ("40.0", "activations"), ("15.0", "gradients"), ("30.0", "optimizer"),
    ]  # fmt: skip
    assert re.findall(r'<i style="left:([\d.]+)%', drawn) == ["18.12", "38.12", "58.12"]
    cells = Rows(drawn).starting("full")
    assert cells[2:] == ["6.0", "16.0", "6.0", "12.0", "40.0"]


def test_the_rule_of_thumb_stands_beside_what_is_planned_in_both_units() -> None:
    made = Rows(page(fit_tables.table()))
    quoted = made.starting(f"as quoted, 7B {fit_tables.ARITHMETIC[0].note}")
    assert quoted[2:] == ["13.0", "– none: not counted", "13.0", "52.2", "78.2 84.0 GB"]
    assert (
        "The rule of thumb comes to 84 GB, which is 78.2 GiB, before activations. Planned, "
        "weights, gradients and optimizer state at the peak are 52.0 to 104.0 GiB by the "
        "precision, and all is 55.0 to 110.0 GiB."
    ) in plain(made.text)


def test_without_arithmetic_there_is_no_section_of_it() -> None:
    assert "arithmetic" not in page(fit_tables.table(arithmetic=())).split("</style>")[1]


def test_the_page_says_that_all_is_predicted_and_what_is_kept_back() -> None:
    text = Rows(page(fit_tables.table(reserve=1.5))).text
    assert "All figures are predicted, none is measured." in text
    assert "at most the card's GiB less 1.5." in text
    assert "Cards are named by GiB." in text


def test_hostile_names_and_reasons_are_text_and_nothing_else() -> None:
    row = replace(fit_tables.row(), method=HOSTILE, family=HOSTILE)
    failed = fit_tables.failed(HOSTILE, error=HOSTILE)
    table = fit_tables.table(
        row, failed, arithmetic=(ArithmeticRow(HOSTILE, 1, 1, 1, None, 3, HOSTILE),)
    )
    words = replace(table.settings, dtype=HOSTILE, optimizer=HOSTILE, devices=HOSTILE)
    made = Rows(page(replace(table, model=HOSTILE, settings=words)))
    assert [tag for tag, _ in made.elements].count("script") == 1
    assert made.text.count(HOSTILE) > 10
    assert not any(key.startswith("on") for _, attributes in made.elements for key in attributes)


def test_the_page_is_one_file_with_scopes_captions_and_links_that_lead_somewhere() -> None:
    made = Rows(page(fit_tables.table()))
    assert not [a for tag, a in made.elements if "src" in a or tag in ("link", "iframe")]
    policy = next(a["content"] for _, a in made.elements if "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert all(a.get("scope") in ("col", "row") for tag, a in made.elements if tag == "th")
    tags = [tag for tag, _ in made.elements]
    assert tags.count("table") == tags.count("caption")
    ids = [a["id"] for _, a in made.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    for tag, attributes in made.elements:
        if tag == "a":
            assert (attributes["href"] or "")[1:] in ids


@pytest.fixture(scope="module")
def fits_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fits") / "fits.html"
    path.write_text(page(fit_tables.table()), encoding="utf-8")
    return path


@pytest.mark.browser
def test_choosing_a_card_and_a_batch_leaves_what_trains_there(
    browser: Any, fits_page: Path
) -> None:
    with opened(browser, fits_page, ready=".filter:not([hidden])") as shown:
        rows = shown.locator(".fits tbody tr:visible")
        assert rows.count() == 32
        shown.get_by_label("on", exact=True).select_option("8")
        assert rows.count() == 5
        assert shown.locator("output").text_content() == "5 of 32 settings"
        assert rows.locator("td:nth-child(3)", has_text="✓ trains").count() == 5
        shown.get_by_label("Use").select_option("infers")
        shown.get_by_label("at", exact=True).select_option(index=1)
        assert rows.count() == 8  # a batch of 1 × 512, on which all infer


@pytest.mark.browser
def test_a_card_sorts_by_what_training_leaves_of_it(browser: Any, fits_page: Path) -> None:
    with opened(browser, fits_page, ready="html.js") as shown:
        shown.get_by_role("button", name="24 GiB").press("Enter")
        orders = shown.locator(".fits tbody td:nth-child(5)").evaluate_all(
            "cells => cells.map(cell => Number(cell.dataset.order))"
        )
        assert orders == sorted(orders)
        assert len(set(orders)) > 5


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_of_fits_never_scrolls_sideways(browser: Any, fits_page: Path, width: int) -> None:
    view = {"width": width, "height": 800}
    with opened(browser, fits_page, ready="html.js", viewport=view) as shown:
        shown.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        assert shown.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
def test_without_javascript_every_setting_is_there_and_no_filter(
    browser: Any, fits_page: Path
) -> None:
    with opened(browser, fits_page, java_script_enabled=False) as shown:
        assert shown.locator(".fits tbody tr:visible").count() == 32
        assert shown.locator(".filter:visible").count() == 0
