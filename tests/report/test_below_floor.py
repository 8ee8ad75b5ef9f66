from __future__ import annotations

from harness.report import below_floor, summary
from tests import records
from tests.report.conftest import MakeSubject


def scored(method: str, quality: float, curve: bool = True) -> dict:
    made = records.record(method, 8, quality__value=quality)
    made["training"]["curve"] = [{"step": 96, "validation": quality}] if curve else []
    return made


HEAD = scored("head", 0.72, curve=False)


def test_what_ended_below_the_floor_by_more_than_chance_is_named(make_subject: MakeSubject) -> None:
    made = [HEAD, scored("lora", 0.80), scored("prefix_tuning", 0.55), scored("pfeiffer", 0.715)]
    subject = make_subject(made)
    (told,) = below_floor.alerts(subject)
    assert told.startswith("1 configuration of 3 trained by steps ended below the floor (head")
    assert "prefix_tuning 8. Each" in told
    assert told in summary.alerts(subject)


def test_what_is_fitted_in_closed_form_was_not_trained_too_briefly(
    make_subject: MakeSubject,
) -> None:
    made = [HEAD, scored("lora", 0.80), scored("prefix_tuning", 0.55, curve=False)]
    assert below_floor.alerts(make_subject(made)) == []


def test_without_a_floor_nothing_is_below_it(make_subject: MakeSubject) -> None:
    assert below_floor.alerts(make_subject([scored("prefix_tuning", 0.55)])) == []
