from __future__ import annotations

from pathlib import Path

import pytest

from harness.report.scenarios import ScenarioRow, Scenarios, scenarios
from tests import further, records
from tests.report.conftest import MakeSubject
from tests.report.test_page import Page


@pytest.fixture
def made(make_subject: MakeSubject) -> Scenarios:
    rows = records.quick(seeds=(0, 1, 2), config__task__kind="classification")
    found = scenarios(make_subject([further.measured(row) for row in rows]))
    assert found is not None
    return found


def row(made: Scenarios, title: str) -> ScenarioRow:
    return next(each for each in (*made.matrix, *made.guide) if each.title == title)


def test_what_was_measured_is_answered_with_figures_ties_and_how_sure(made: Scenarios) -> None:
    little = row(made, "Little training memory")
    assert little.label == "bitfit"
    assert "MiB to train" in little.facts
    assert "points" in little.facts
    assert little.sure.endswith("%")
    assert (little.ties, little.agrees) == ("nothing", "not run here")
    assert little.planned[0].startswith("qlora 16: 40.0M trained, ")
    assert little.plan_of == "llama2_7b, 1 × 512 tokens"


def test_what_was_not_measured_says_so_and_what_the_plan_says(made: Scenarios) -> None:
    written = row(made, "Sequence to sequence")
    assert (written.label, written.sure, written.agrees) == ("", "", "not measured")
    assert written.unanswered == "the records are of classification"
    assert [line.partition(":")[0] for line in written.planned] == [
        "prefix_tuning 16", "lora 16", "houlsby 16", "ia3", "full",
    ]  # fmt: skip


def test_the_captions_conclude(made: Scenarios) -> None:
    agreeing = sum(each.agrees in ("yes", "as a tie") for each in made.matrix)
    assert made.matrix_caption.startswith("These records answer 5 of 7 questions")
    assert f"holds for {agreeing}, as the pick or as a tie." in made.matrix_caption
    assert made.guide_caption.startswith("Sentiment: ")
    assert made.guide_caption.endswith("commonly said is rank 8–16.")


def test_the_guide_tells_the_smallest_size_of_each_method(made: Scenarios) -> None:
    sentiment = row(made, "Sentiment")
    assert sentiment.label in ("lora 4 (best 16, of 4 and 16)", "lora 16 (best 16, of 4 and 16)")
    others = [each.rpartition(" ")[0] for each in sentiment.facts.split(", ")]
    assert others == ["houlsby", "pfeiffer", "prefix_tuning", "prompt_tuning"]


def test_without_a_quality_there_is_no_section(make_subject: MakeSubject) -> None:
    assert scenarios(make_subject([records.record("lora", 8, quality=None)])) is None


def test_little_that_was_run_concludes_little(make_subject: MakeSubject) -> None:
    found = scenarios(make_subject([records.record("houlsby", 8)]))
    assert found is not None
    assert found.guide_caption.startswith("Nothing can be concluded: ")
    assert row(found, "Best quality, no extra latency").label == "none"


def test_the_page_holds_both_tables(sweep_page: Path) -> None:
    page = Page(sweep_page)
    shown = "".join(page.text)
    tables = [a for a in page.all("table") if a.get("class") == "scenarios"]
    assert len(tables) == 2
    assert {"scenarios", "ranks"} <= {a.get("id") for a in page.all("h3")}
    assert "By the plan (t5_base, 8 × 512 tokens)" in shown
    assert shown.count("Not measured") >= 4
