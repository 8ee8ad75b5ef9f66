from __future__ import annotations

import pytest

from harness.report.forgetting import caption, forgetting
from tests import records
from tests.report.conftest import MakeSubject


def forgot(method: str, increase: float, off: float | None = 0.0) -> dict:
    before = 2.5
    made = records.record(method, 8)
    made["forgetting"] = {
        "objective": "masked tokens", "before": before, "after": before + increase,
        "adapter_off": None if off is None else before + off,
        "increase": {"value": increase, "ci_low": increase - 0.01, "ci_high": increase + 0.01},
        "n": 64, "texts": 16, "reason": None,
    }  # fmt: skip
    return made


def test_who_forgets_beyond_the_interval_is_named_worst_first(make_subject: MakeSubject) -> None:
    made = [forgot("lora", 0.02), forgot("full", 0.3, None), forgot("ia3", 0.004)]
    assert caption(make_subject(made)) == (
        "full and lora 8 forget beyond the interval (full most, +0.300 nats per token). "
        "ia3 cannot be told from the base. "
        "With adapters switched off, the 2 that have them are the base again."
    )


def test_who_does_better_than_before_is_said_too(make_subject: MakeSubject) -> None:
    made = [forgot("lora", -0.05), forgot("houlsby", 0.001)]
    told = caption(make_subject(made))
    assert told.startswith("lora 8 does better on plain text than before.")
    assert "all 2 that have them are the base again" in told


@pytest.mark.parametrize(
    ("left", "said"),
    [(1e-6, "is the base again"), (0.002, "the base is not restored for lora 8")],
)
def test_switched_off_the_base_is_there_again_or_not(
    make_subject: MakeSubject, left: float, said: str
) -> None:
    assert said in caption(make_subject([forgot("lora", 0.1, left)]))


def test_rows_stand_by_what_can_be_concluded_around_zero(make_subject: MakeSubject) -> None:
    made = [forgot("lora", 0.02), forgot("full", 0.3, None), forgot("ia3", 0.004, 0.01)]
    chart = forgetting(make_subject(made)).chart
    assert chart.neutral == 0.0
    assert [(title, [row.label for row in rows]) for title, rows in chart.groups] == [
        ("Forget", ["full", "lora 8"]),
        ("No change seen", ["ia3"]),
    ]
    ticks = {row.label: row.tick for _, rows in chart.groups for row in rows}
    assert ticks == {"full": None, "lora 8": 0.0, "ia3": pytest.approx(0.01)}
    assert chart.x.place(0.0) > 0


def test_measured_for_nobody_is_one_sentence(make_subject: MakeSubject) -> None:
    figure = forgetting(make_subject([records.record("lora", 8)]))
    assert figure.chart is None
    assert figure.caption == "Forgetting was not measured: not recorded."
