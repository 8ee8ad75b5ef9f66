from __future__ import annotations

import pytest

from harness.analysis.ranks import smallest_enough
from harness.report.curves import RING_SIZE, curves
from harness.report.subject import MOST
from tests import records
from tests.report.conftest import MakeSubject


def test_each_kind_of_size_has_a_figure_with_a_line_per_method(make_subject: MakeSubject) -> None:
    subject = make_subject(records.quick(sizes=(2, 4, 16)))
    made = {figure.title: figure for figure in curves(subject)}
    assert list(made) == [
        "Quality by bottleneck dimension", "Quality by prompt length", "Quality by rank",
    ]  # fmt: skip
    for title, lines in zip(made, (2, 2, 1), strict=True):
        chart = made[title].chart
        assert len(chart.lines) == lines
        assert [text for _, text in chart.x.ticks] == ["2", "4", "16"]
        assert chart.x.log
        assert {r.label for r in chart.references} == {"floor", "full fine-tuning"}


def test_the_smallest_that_ties_with_the_best_is_ringed_and_named(
    make_subject: MakeSubject,
) -> None:
    made = [
        records.record(
            "lora", size, quality__value=q, quality__ci_low=q - 0.005, quality__ci_high=q + 0.005,
            quality__metric="other",
        )
        for size, q in ((2, 0.70), (4, 0.782), (16, 0.785))
    ]  # fmt: skip
    subject = make_subject(made)
    (figure,) = curves(subject)
    assert figure.caption == "lora: rank 4 already ties with its best, 16."
    (enough,) = smallest_enough(subject.study)
    (ring,) = [mark for mark in figure.chart.marks if mark.size == RING_SIZE]
    assert ring.y == enough.smallest["quality"].value == 0.782
    assert ring.x == pytest.approx(4)
    assert figure.chart.marks[-1].label == "lora"


@pytest.mark.parametrize(
    ("qualities", "said"),
    [
        ((0.60, 0.70, 0.80), "lora: only rank 16, the largest run; a larger one might do better"),
        ((0.80, 0.70, 0.60), "lora: rank 2, the smallest run, is its best."),
        ((0.60, 0.80, 0.70), "lora: rank 4 is its best, and nothing smaller ties with it."),
    ],
)
def test_the_caption_says_what_another_size_would_change(
    make_subject: MakeSubject, qualities: tuple[float, ...], said: str
) -> None:
    made = [
        records.record("lora", size, quality__value=q, quality__metric="other",
                       quality__ci_low=q - 0.005, quality__ci_high=q + 0.005)
        for size, q in zip((2, 4, 16), qualities, strict=True)
    ]  # fmt: skip
    (figure,) = curves(make_subject(made))
    assert said in figure.caption


def test_methods_with_one_size_have_no_curve(make_subject: MakeSubject) -> None:
    assert curves(make_subject(records.quick(sizes=(8,)))) == ()


def test_of_more_curves_than_can_be_read_the_best_are_drawn(make_subject: MakeSubject) -> None:
    made = [
        records.record("lora", size, config__train__steps=steps)
        for steps in range(100, 125)
        for size in range(1, 16)
    ]
    (figure,) = curves(make_subject(made))
    assert len(figure.chart.marks) <= MOST
    assert "of 25 curves" in figure.caption
