from __future__ import annotations

from pathlib import Path

import pytest

from harness.bench import report
from harness.bench.many import many, write
from harness.report import build
from harness.store import load
from tests.report.test_page import Page


def test_a_few_records_hold_and_tell_their_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report, "SHAPES", {"small": [("m", "t", 4), ("m", "u", 3)]})
    found = report.run()
    assert found["holds"]
    assert found["shapes"]["small"]["records"] == 7 * report.SEEDS
    assert "21 records, small: load" in report.lines(found)[0]


@pytest.mark.parametrize("limit", ["LOAD_S", "BUILD_S", "PAGE_BYTES"])
def test_each_limit_can_fail(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(report, "SHAPES", {"small": [("m", "t", 1)]})
    monkeypatch.setattr(report, limit, 0)
    found = report.run()
    assert not found["holds"]
    assert "FAILS" in report.lines(found)[0]


def test_the_same_arguments_give_the_same_records_and_every_configuration_is_another() -> None:
    made = list(many(300, 2, "m", "t"))
    assert made == list(many(300, 2, "m", "t"))
    assert len({record["trial"] for record in made}) == 600
    settings = {
        (r["method"], r["size"], r["training"]["learning_rate"], r["training"]["steps"])
        for r in made
    }
    assert len(settings) == 300


def test_invented_records_become_a_page_with_everything_measured(tmp_path: Path) -> None:
    write(tmp_path / "results", many(30, 2, "m", "t"))
    frame = load(tmp_path / "results")
    assert frame["quality.value"].between(0, 1).all()
    page = Page(build(tmp_path / "results", tmp_path / "index.html"))
    shown = "".join(page.text)
    assert "was not measured:" not in shown
    assert len(page.all("script")) == 20  # own, library, study, fronts, sixteen plots
