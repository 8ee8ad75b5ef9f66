"""The page of other people's records."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from harness.ingest.folder import ingest
from harness.report import build
from tests import published, records
from tests.report.conftest import HOSTILE, opened


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foreign")
    results = folder / "results"
    ingest(published.everything(folder / "json"), results)
    cancelled = published.result(
        run_info__experiment_name="lora/cancelled",
        run_info__error_msg=HOSTILE,
        train_info__status="canceled",
        train_info__metrics=[],
    )
    hostile = published.result(run_info__experiment_name="<script>alert(1)</script>")
    more = published.write(folder / "more", {"a.json": cancelled, "b.json": hostile})
    assert not ingest(more, results).refused
    return build(results, folder / "reports" / "index.html")


def test_every_row_is_tagged_and_leads_to_its_record(page):
    text = page.read_text("utf-8")
    table = text[text.index('<table class="sortable methods">') :].partition("</table>")[0]
    rows = re.findall(r'<tr data-entry="\d+" data-trial="(\w+)">(.*?)</tr>', table, re.S)
    assert len(rows) == len(published.ROWS) + 1
    for trial, row in rows:
        assert re.search(r'<span title="Published, not measured here: peft [^"]+">foreign<', row)
        (link,) = re.findall(r'href="([^"]+)"', row)
        assert (page.parent / unquote(link)).is_file()
        assert trial in link


def test_page_says_where_figures_come_from_and_what_memory_is(page):
    text = page.read_text("utf-8")
    assert "All configurations are foreign: published by others" in text
    assert "Training memory is what the allocator reserved over a whole run" in text
    runs = len(published.ROWS) + 1
    assert f"{runs} runs of peft method_comparison, MetaMathQA, made from 2025-06-19 to" in text
    assert "largest reserved memory while training" in text
    assert "One seed each: differences between methods are hints." in text
    assert "No peak of memory was predicted: nothing was planned for a published run." in text


def test_names_and_errors_of_others_are_text(page):
    text = page.read_text("utf-8")
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "canceled: " in text


def test_foreign_marks_are_outlines_and_our_own_are_filled(make_subject):
    made = [records.record(method="lora", size=size) for size in (4, 8)]
    origin = {"project": "others", "benchmark": "b", "run": "one", "created_at": "2026-01-01"}
    subject = make_subject([*made, records.record(method="lora", size=16, origin=origin)])
    shapes = {entry.size: subject.shape(entry) for entry in subject.entries}
    assert {size: shape.pale for size, shape in shapes.items()} == {4: False, 8: False, 16: True}
    foreign = next(entry for entry in subject.entries if entry.size == 16)
    assert subject.hover(foreign)[1] == "foreign: others, one, 2026-01-01"


@pytest.mark.browser
def test_page_of_published_runs_opens_without_a_complaint(page, browser: Any):
    with opened(browser, page) as shown:
        assert shown.locator("table.sortable tbody tr").count() == len(published.ROWS) + 1
