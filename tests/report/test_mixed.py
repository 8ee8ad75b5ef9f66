"""What the page says of records from several library versions, machines, or places of training."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.entry import compose
from harness.report import build, provenance, summary
from harness.report.table import table
from harness.selecting import command
from tests import records
from tests.analysis.test_mixed import METHODS, trained
from tests.report.conftest import MakeSubject, opened


def sweep() -> list[dict]:
    made = [records.record(method, seed=seed) for method in METHODS for seed in range(3)]
    for row in made:
        row["environment"] |= {"machine": "aaaa", "elsewhere": []}
    return made


def mixed() -> list[dict]:
    """Some trained elsewhere, some under an older torch, one on a twin of the machine."""
    made = sweep()
    for row in made[:3]:
        row["environment"]["torch"] = "2.12.0"
    for row in made[3:6]:
        trained(row, machine="bbbb", cpu="A large CPU", gpu="A GPU")
    made[8]["environment"]["machine"] = "cccc"
    return made


def test_one_machine_and_one_set_of_versions_raise_no_alert(make_subject: MakeSubject) -> None:
    assert summary.alerts(make_subject(sweep())) == ()


def test_several_versions_are_named_with_how_many_configurations_each(
    make_subject: MakeSubject,
) -> None:
    made = sweep()
    for row in made[:3]:
        row["environment"]["torch"] = "2.12.0"
    environments, versions = summary.alerts(make_subject(made))
    assert "from 2 environments" in environments
    assert versions.startswith(
        "The records come from several library versions: torch 2.13.0 (2 configurations) and "
        "torch 2.12.0 (1 configuration). Compare quality and memory across them with care"
    )


def test_of_several_versions_of_the_harness_times_are_compared_too(
    make_subject: MakeSubject,
) -> None:
    made = sweep()
    made[0]["environment"]["harness"] = "0.0.9"
    (alert,) = summary.alerts(make_subject(made))
    assert "harness 0.1.0 (3 configurations) and harness 0.0.9 (1 configuration)" in alert
    assert "Compare all figures across them with care" in alert


def test_training_elsewhere_says_where_and_what_comes_from_there(make_subject: MakeSubject) -> None:
    made = sweep()
    for row in made[3:6]:
        trained(row, machine="bbbb", cpu="A large CPU", gpu="A GPU")
    subject = make_subject(made)
    (alert,) = summary.alerts(subject)
    assert alert == (
        "1 of 3 configurations were trained elsewhere than they were measured, with "
        "cpu A large CPU, gpu A GPU; their rows are marked. Quality, capacity and forgetting come "
        "from there, memory, times and energy from where they were measured."
    )
    told = dict(provenance.facts(subject))["Trained"]
    assert told == "3 of 9 trials on another machine than they were measured on"


def test_rows_that_were_trained_elsewhere_are_marked(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    shown = table(make_subject(mixed()), tmp_path / "index.html")
    tags = {row.label: dict(row.tags) for row in shown.rows}
    assert tags["houlsby 8"] == {"trained elsewhere": "Trained with cpu A large CPU, gpu A GPU"}
    assert "trained elsewhere" not in tags["lora 8"] | tags["ia3"]


def test_several_machines_of_one_kind_are_counted(make_subject: MakeSubject) -> None:
    made = sweep()
    made[4]["environment"]["machine"] = "cccc"
    subject = make_subject(made)
    (alert,) = summary.alerts(subject)
    assert alert.startswith("Times were taken on 2 machines of one kind.")
    assert dict(provenance.facts(subject))["Machine"].endswith("(9 trials on 2 machines)")


def test_a_selection_says_it_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = (
        "library versions differ: torch 2.13.0 (2 configurations) and torch 2.12.0 "
        "(1 configuration); measured in 2 environments; 1 configuration trained elsewhere; "
        "the report says what may be compared"
    )
    results = records.write(tmp_path / "results", mixed())
    for overrides in ((), ("scenario=all",), ("scenario=no_overhead",)):
        command([compose([f"results={results}", *overrides], "select")])
        assert capsys.readouterr().out.splitlines().count(line) == 1, overrides


def test_a_selection_from_one_place_says_nothing_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = records.write(tmp_path / "results", sweep())
    command([compose([f"results={results}"], "select")])
    assert "differ" not in capsys.readouterr().out


@pytest.mark.browser
def test_the_alerts_stand_at_the_top_of_the_page(browser, tmp_path: Path) -> None:
    page = build(records.write(tmp_path / "results", mixed()), tmp_path / "index.html")
    with opened(browser, page) as shown:
        alerts = shown.locator(".alerts li").all_inner_texts()
        top = shown.locator(".alerts").bounding_box()["y"]
        assert top < shown.viewport_size["height"]
    for words in ("several library versions", "2 environments", "trained elsewhere", "of one kind"):
        assert sum(words in alert for alert in alerts) == 1, words
