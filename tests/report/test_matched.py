from __future__ import annotations

import shlex
from pathlib import Path

from harness.analysis.matched import budgets
from harness.analysis.study import studies
from harness.report import build
from harness.report.matched import matched
from harness.report.subject import Subject
from harness.store import load
from tests import records
from tests.report.conftest import HOSTILE, MakeSubject
from tests.report.test_page import Page


def adapter(method: str, size: int, parameters: int, quality: float) -> dict:
    return records.record(
        method, size, parameters__adapter=parameters, quality__value=quality,
        quality__metric="other", quality__ci_low=quality - 0.01, quality__ci_high=quality + 0.01,
    )  # fmt: skip


MADE = [
    adapter("lora", 8, 1000, 0.70),
    adapter("houlsby", 8, 1010, 0.75),
    adapter("pfeiffer", 8, 1100, 0.74),
    adapter("lora", 64, 50_000, 0.90),
]


def test_a_budgets_table_ranks_its_methods_among_themselves(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    subject = make_subject(MADE)
    (found,) = matched(subject, tmp_path / "index.html").tables
    assert [row.label for row in found.table.rows] == ["houlsby 8", "pfeiffer 8", "lora 8"]
    assert [row.rank.text for row in found.table.rows] == ["1=", "1=", "3"]
    column = [column.title for column in found.table.columns].index("Unmatched")
    # lora's best size of all leads alone; the other two follow it, tied.
    assert [row.cells[column].text for row in found.table.rows] == ["2", "2", "1"]
    assert "houlsby and pfeiffer lead, tied" in found.caption
    assert "With every method at its best size, lora leads." in found.caption
    assert "1.05k adapter parameters" in found.title


def test_where_matching_changes_nothing_the_caption_says_so(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    (found,) = matched(make_subject(MADE[:3]), tmp_path / "index.html").tables
    assert "the answer is the same" in found.caption


def test_without_a_shared_budget_the_page_gives_the_command_that_makes_one(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    found = matched(make_subject(MADE[:2]), tmp_path / "index.html")
    assert found.tables == ()
    assert "nothing can be concluded" in found.sentence
    assert found.command == (
        "python -m harness -m model=minilm task=rotten_tomatoes "
        "method=houlsby,lora,prefix_tuning budget=0.5%"
    )


def test_a_name_in_the_command_is_no_more_than_a_word_to_a_shell(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    made = [records.record("lora; rm -rf $HOME", 8, task="a b")]
    command = matched(make_subject(made), tmp_path / "index.html").command
    assert shlex.split(command)[4:] == [
        "model=minilm", "task=a b", "method=lora; rm -rf $HOME,lora,houlsby", "budget=0.5%",
    ]  # fmt: skip


def test_the_page_holds_the_numbers_of_every_budget(tmp_path: Path) -> None:
    made = [*records.quick(), records.record(HOSTILE, 4, family=HOSTILE)]
    results = records.write(tmp_path / "results", made)
    page = Page(build(results, tmp_path / "index.html"))
    (study,) = studies(load(results))
    found = budgets(study)
    shown = "".join(page.text)
    assert found
    subject = Subject(study)
    for budget in found:
        for entry in budget.entries:
            assert subject.show_quality(entry["quality"].value) in shown
    assert sum(a.get("class") == "command" for a in page.all("pre")) == 0
