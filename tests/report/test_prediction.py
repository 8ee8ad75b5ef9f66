from __future__ import annotations

from math import log10
from pathlib import Path

import pytest

from harness.report import ended, summary
from harness.report.planes import trade_offs
from harness.report.plots import plot
from harness.report.prediction import caption, peaks, prediction, without
from tests import records
from tests.report.conftest import MakeSubject

GIB = 2**30


def weighed(
    method: str, size: int | None, train: float, inference: float = 1.0, seed: int = 0
) -> dict:
    """20 GiB to train and 8 to ask, predicted as so many times that."""
    made = records.record(method, size, seed, memory__train__allocated_peak=20 * GIB)
    made["memory"]["inference"]["allocated_peak"] = 8 * GIB
    return records.predicted(made, train, inference)


def test_the_caption_tells_n_the_median_the_worst_and_who_that_is(
    make_subject: MakeSubject,
) -> None:
    made = [weighed("lora", 8, 1.02, 0.99), weighed("ia3", None, 0.9, 1.04)]
    told = caption(make_subject(made)).replace("\u00a0", " ")
    assert told == (
        "4 peaks of 2 trials were predicted: off by 3.0% in the median and by 10% at worst "
        "(ia3, training: 18.0 GiB predicted, 20.0 GiB measured). "
        "2 of 4 lie below what was measured."
    )


def test_reserved_figures_are_said_to_lie_above(make_subject: MakeSubject) -> None:
    made = weighed("lora", 8, 1.0)
    made["memory"]["train"] |= {"source": "cuda allocator", "reserved_peak": 23 * GIB}
    subject = make_subject([made])
    assert "what the GPU's allocator reserved lies above, by up to 15%" in caption(subject)
    table = peaks(subject)
    assert table.columns[-1].title == "Reserved"
    assert {row.label: row.cells[-1].text for row in table.rows} == {
        "lora 8, training": "23.0",
        "lora 8, inference": "–",
    }


def test_without_a_prediction_there_is_one_sentence_and_nothing_else(
    make_subject: MakeSubject,
) -> None:
    subject = make_subject([records.record("lora", 8), records.skipped(method="lora", size=512)])
    figure = prediction(subject)
    assert figure.chart is None
    assert figure.caption == "No peak of memory was predicted: not recorded."
    assert peaks(subject).rows == ()
    assert without(subject) == ()


def test_trials_without_a_prediction_are_named_with_the_reason(make_subject: MakeSubject) -> None:
    why = "four bits cannot be followed"
    made = [
        weighed("lora", 8, 1.0),
        *(records.record("qlora", 8, seed, memory__unpredicted=why) for seed in (0, 1)),
        records.record("ia3", None),
    ]
    assert sorted(without(make_subject(made))) == [
        ("ia3", "not recorded"),
        ("qlora 8 (seed 0) and qlora 8 (seed 1)", why),
    ]


def test_the_table_has_a_row_per_peak_worst_first_and_its_parts(make_subject: MakeSubject) -> None:
    made = weighed("lora", 8, 0.95, 1.2)
    made["memory"]["train"] |= {
        "weights": 12 * GIB, "gradients": GIB, "optimizer": 2 * GIB, "activations": 5 * GIB,
    }  # fmt: skip
    table = peaks(make_subject([made]))
    assert [column.title for column in table.columns] == [
        "Measured", "Predicted", "Error", "Weights", "Gradients", "Optimizer", "Activations",
    ]  # fmt: skip
    first, second = table.rows
    assert first.label == "lora 8, inference"
    assert [cell.text for cell in first.cells[:3]] == ["8.00", "9.60", "+20.0"]
    assert [cell.text for cell in second.cells] == [
        "20.0", "19.0", "−5.0", "12.0", "1.00", "2.00", "5.00",
    ]  # fmt: skip


def test_each_peak_is_a_mark_and_the_diagonal_is_where_both_agree(
    make_subject: MakeSubject,
) -> None:
    made = [weighed("lora", 8, 1.02, 0.5), weighed("ia3", None, 0.9, 1.0)]
    chart = prediction(make_subject(made)).chart
    at = {(mark.label, mark.shape.pale): (mark.x, mark.y) for mark in chart.marks}
    assert at == {
        ("lora 8", False): (pytest.approx(20.4), 20.0),
        ("lora 8", True): (4.0, 8.0),
        ("ia3", False): (18.0, 20.0),
        ("ia3", True): (8.0, 8.0),
    }
    assert chart.x.log
    assert chart.y.log
    assert (chart.x.title, chart.y.title) == ("predicted (GiB)", "measured (GiB)")
    assert (chart.x.low, chart.x.high) == (chart.y.low, chart.y.high)
    (diagonal,) = chart.lines
    assert all(x == y for x, y in diagonal.points)
    assert diagonal.points[0][0] == chart.x.low
    assert diagonal.points[-1][0] == pytest.approx(chart.x.high)


def test_of_several_seeds_the_one_that_is_furthest_off_carries_the_name(
    make_subject: MakeSubject,
) -> None:
    made = [weighed("lora", 8, 1 + 0.01 * seed, seed=seed) for seed in range(3)]
    chart = prediction(make_subject(made)).chart
    trained = [mark for mark in chart.marks if not mark.shape.pale]
    assert [(mark.label, round(mark.x, 1)) for mark in trained if mark.label] == [("lora 8", 20.4)]
    assert len(trained) == 3


def test_inference_is_pale_with_an_outline_in_its_familys_colour(make_subject: MakeSubject) -> None:
    traces = plot(prediction(make_subject([weighed("lora", 8, 1.1, 0.9)])).chart)["data"]
    full, pale = sorted(
        (trace["marker"] for trace in traces if "marker" in trace),
        key=lambda marker: "/" in marker["color"],
    )
    assert full["color"] == "--family-low_rank"
    assert pale["color"].startswith("--family-low_rank/")
    assert pale["line"]["color"] == "--family-low_rank"


def test_peaks_that_lie_close_still_get_ticks(make_subject: MakeSubject) -> None:
    made = records.predicted(
        records.record("lora", 8, memory__inference__allocated_peak=19 * GIB), 1.0, 1.0
    )
    made["memory"]["train"] |= {"allocated_peak": 20 * GIB, "predicted": 21 * GIB}
    axis = prediction(make_subject([made])).chart.x
    assert len(axis.ticks) >= 3
    assert all(log10(axis.low) <= log10(tick) <= log10(axis.high) for tick, _ in axis.ticks)


def test_what_was_skipped_is_listed_by_need_and_is_no_failure(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    made = [
        weighed("lora", 8, 1.0),
        records.skipped(method="lora", size=64),
        records.skipped(needs=40.0, method="full"),
        records.failed(method="lora", size=16),
    ]
    subject = make_subject(made)
    told = ended.skipped(subject, tmp_path / "index.html").reasons
    assert [(one.trials[0].text, one.status, one.needs.replace("\u00a0", " ")) for one in told] == [
        ("full, seed 0", "skipped", "40.0 GiB"),
        ("lora 64, seed 0", "skipped", "9.10 GiB"),
    ]
    assert [failure.label for failure in subject.study.failures] == ["lora 16, seed 0"]
    assert subject.lead.endswith("1 more trial failed; 2 trials left out beforehand.")
    assert [entry.label for entry in subject.entries] == ["lora 8"]
    assert all(len(figure.chart.marks) == 1 for figure in trade_offs(subject))


def test_when_all_was_skipped_nothing_is_said_to_have_failed(make_subject: MakeSubject) -> None:
    subject = make_subject([records.skipped(method="lora", size=8)])
    assert summary.sentences(subject) == ("No trial finished: 1 trial skipped.",)
