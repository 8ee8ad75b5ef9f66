"""Trials that left no figures: each reason once, and only so many of them."""

from __future__ import annotations

from pathlib import Path

from harness.report import build, ended
from tests import records
from tests.report.conftest import MakeSubject


def test_trials_of_one_reason_are_one_row_with_the_first_of_them(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    made = [records.failed(method="lora", size=8, seed=seed) for seed in range(9)]
    made += [records.failed("diverged", method="ia3")]
    first, second = ended.failures(make_subject(made), tmp_path / "index.html").reasons
    assert (first.text, first.status, first.further) == ("CUDA ran away", "failed", 3)
    named = {link.text for link in first.trials}
    assert len(named) == 6
    assert named < {f"lora 8, seed {seed}" for seed in range(9)}
    for link in first.trials:
        assert (tmp_path / link.href).is_file()
        assert link.trial in link.href
    assert (second.text, second.status, second.further) == ("CUDA ran away", "diverged", 0)


def test_the_commonest_reasons_are_listed_and_the_others_counted(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    made = [
        records.failed(reason=f"reason {reason}", method="lora", size=reason + 1, seed=seed)
        for reason in range(60)
        for seed in range(2 if reason >= 30 else 1)
    ]
    found = ended.failures(make_subject(made), tmp_path / "index.html")
    listed = [int(one.text.removeprefix("reason ")) for one in found.reasons]
    assert len(listed) == len(set(listed)) == 50
    assert set(listed[:30]) == set(range(30, 60)), "those of two trials each"
    assert found.unlisted == (
        "Not listed: 10 more trials, with 10 other reasons; each record says its own, and"
        " harness.load reads them all as the column reason."
    )


def test_where_all_are_listed_nothing_is_said_of_others(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    subject = make_subject([records.failed(method="lora", size=8), records.record("ia3")])
    assert ended.failures(subject, tmp_path / "index.html").unlisted == ""
    assert ended.skipped(subject, tmp_path / "index.html").reasons == ()


def test_a_page_does_not_grow_with_what_failed_or_was_skipped(tmp_path: Path) -> None:
    pages = []
    for n in (60, 360):
        made = [
            *records.quick(sizes=(8,)),
            *(records.failed(reason=f"step {i}", method="lora", size=8, seed=i) for i in range(n)),
            *(records.skipped(needs=9 + i, method="full", seed=i) for i in range(n)),
        ]
        folder = tmp_path / str(n)
        pages.append(build(records.write(folder / "results", made), folder / "index.html"))
    few, many = (page.read_text("utf-8") for page in pages)
    assert "Not listed: 310 more trials, with 310 other reasons" in many
    assert many.count("<tr data-trial=") == few.count("<tr data-trial=")
    assert len(many) - len(few) < 1_000
