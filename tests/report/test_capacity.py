from __future__ import annotations

import pytest

from harness.report.capacity import capacity, caption
from tests import further, records
from tests.report.conftest import MakeSubject


def holding(
    method: str, size: int | None, bits: float | None, parameters: int = 1000, **more: object
) -> dict:
    made = records.record(method, size)
    if bits is not None:
        made["capacity"] = {
            "bits": bits, "ci_low": bits - 10, "ci_high": bits + 10,
            "bits_per_parameter": bits / parameters, "parameters": parameters,
            "ceiling_bits": 4096.0, "at_ceiling": False, **more,
        }  # fmt: skip
    return made


def test_the_most_bits_and_the_most_per_parameter_are_named(make_subject: MakeSubject) -> None:
    subject = make_subject([holding("lora", 8, 900, 9000), holding("ia3", None, 200, 400)])
    told = caption(subject)
    assert told.startswith("lora 8 holds the most, 900 bits.")
    assert (
        "Per trained parameter ia3 holds the most, 0.500 bits, and lora 8 the least, 0.100." in told
    )


@pytest.mark.parametrize(
    ("small", "large", "said"),
    [
        (300, 900, "A larger size holds more in lora (300 to 900 bits, 4 to 64)."),
        (900, 300, "A larger size holds less in lora (900 to 300 bits, 4 to 64)."),
        (900, 915, "The largest cannot be told from the smallest in lora (900 to 915 bits"),
    ],
)
def test_what_size_does_to_bits_follows_the_intervals(
    make_subject: MakeSubject, small: float, large: float, said: str
) -> None:
    subject = make_subject([holding("lora", 4, small), holding("lora", 64, large)])
    assert said in caption(subject)


def test_lower_bounds_are_named_and_never_the_least(make_subject: MakeSubject) -> None:
    made = [
        holding("full", None, 4090, 10**6, at_ceiling=True),
        holding("lora", 4, 300, 1000),
        holding("lora", 64, 4080, 20_000, at_ceiling=True),
    ]
    told = caption(make_subject(made))
    assert "full and lora 64 learned nearly all that there was, so theirs are lower bounds." in (
        told.replace("lora 64 and full", "full and lora 64")
    )
    assert "lora 4 the least" not in told  # it holds the most, and the others are lower bounds
    assert "lora (300 to at least 4,080 bits, 4 to 64)" in told


def test_a_size_that_was_full_from_the_start_says_nothing_about_size(
    make_subject: MakeSubject,
) -> None:
    made = [holding("lora", size, 4090, size * 100, at_ceiling=True) for size in (4, 64)]
    assert "larger size" not in caption(make_subject(made))


def test_what_holds_nothing_is_said_and_not_drawn_on_a_log_scale(make_subject: MakeSubject) -> None:
    made = [holding("lora", 8, 900), holding("ia3", None, -4)]
    figure = capacity(make_subject(made))
    assert "ia3 holds nothing that can be told from chance." in figure.caption
    assert [mark.label for mark in figure.chart.marks] == ["lora 8"]


def test_a_head_alone_holds_nothing_by_construction_and_nobody_is_told(
    make_subject: MakeSubject,
) -> None:
    made = [holding("lora", 8, 900), holding("head", None, 0, 1)]
    figure = capacity(make_subject(made))
    assert "head" not in figure.caption
    assert [mark.label for mark in figure.chart.marks] == ["lora 8"]


def test_the_plot_is_log_log_with_a_line_per_method_and_the_ceiling(
    make_subject: MakeSubject,
) -> None:
    made = [further.measured(m) for m in records.quick(sizes=(4, 16, 64))]
    chart = capacity(make_subject(made)).chart
    assert chart.x.log
    assert chart.y.log
    assert len(chart.lines) == 5
    assert all(len(line.points) == 3 for line in chart.lines)
    assert [(r.y, r.label) for r in chart.references] == [(16384.0, "all that there was to learn")]
    bits = {m["method"]: m["capacity"] for m in made if m["size"] is None}
    for mark in chart.marks:
        assert 0 < chart.y.place(mark.y) < 1
        assert chart.y.low <= mark.y_bounds[0] <= mark.y <= mark.y_bounds[1] <= chart.y.high
        if mark.label in bits:
            assert (mark.x, mark.y) == (bits[mark.label]["parameters"], bits[mark.label]["bits"])
    assert [mark.label for mark in chart.marks if "≥" in mark.label] == ["full ≥"]


def test_an_interval_that_reaches_nothing_ends_at_the_axis(make_subject: MakeSubject) -> None:
    made = [holding("lora", 8, 900), holding("ia3", None, 15, ci_low=-5)]
    chart = capacity(make_subject(made)).chart
    low = {mark.label: mark.y_bounds[0] for mark in chart.marks}
    assert low["ia3"] == chart.y.low > 0


def test_measured_for_nobody_is_one_sentence(make_subject: MakeSubject) -> None:
    made = [records.record("lora", 8, capacity={"bits": None, "reason": "no causal data"})]
    figure = capacity(make_subject(made))
    assert figure.chart is None
    assert figure.caption == "Capacity in bits was not measured: no causal data."
