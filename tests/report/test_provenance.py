from __future__ import annotations

from harness.report import provenance, summary
from tests import further, records
from tests.report.conftest import MakeSubject


def sweep() -> list[dict]:
    return [further.measured(m) for m in records.quick(sizes=(8,))]


def fact(subject: object, name: str) -> str:
    return dict(provenance.facts(subject)).get(name, "")


def test_a_quiet_machine_is_said_to_be_quiet(make_subject: MakeSubject) -> None:
    subject = make_subject(sweep())
    assert fact(subject, "Other programs") == "none were busy while 9 trials ran"
    assert not any("Other programs" in told for told in summary.alerts(subject))


def test_a_busy_machine_is_told_with_trials_cores_and_phase(make_subject: MakeSubject) -> None:
    made = sweep()
    made[2]["environment"]["busy"] = True
    made[2]["environment"]["phases"]["latency"] |= {
        "busy": True, "other_cores": 1.1, "stolen_cores": 0.2,
    }  # fmt: skip
    made[2]["environment"]["phases"]["train"]["other_cores"] = 1.9  # not held against it
    subject = make_subject(made)
    assert fact(subject, "Other programs") == (
        "used the machine in 1 of 9 trials, up to 1.3 cores (phase latency): lora 8 (seed 0)"
    )
    assert any("while 1 of 9 configurations were" in told for told in summary.alerts(subject))


def test_without_energy_there_is_the_reason_why(make_subject: MakeSubject) -> None:
    subject = make_subject(sweep())
    assert fact(subject, "Energy") == ""
    assert (
        dict(provenance.missing(subject))["Energy"] == "all: no counter of energy is readable here"
    )


def test_measured_energy_is_told_in_joules(make_subject: MakeSubject) -> None:
    made = sweep()
    for place, row in enumerate(made):
        row["energy"] = {
            "source": "rapl", "covers": "the package", "reason": None, "idle_watts": 4.0,
            "training_joules_per_example": 1.0 + place, "base_joules_per_request": 0.25,
            "unmerged_joules_per_request": None, "merged_joules_per_request": None,
        }  # fmt: skip
    assert fact(make_subject(made), "Energy") == (
        "counted by rapl (the package); 1.00–9.00 J per training example; "
        "0.250 J per request of the base"
    )


def test_what_was_asked_of_capacity_forgetting_and_serving_is_told(
    make_subject: MakeSubject,
) -> None:
    subject = make_subject(sweep())
    assert fact(subject, "Capacity").startswith(
        "128 sequences of 16 tokens, each token with a random label out of 256, learned in 48 "
        "steps of 32 sequences at the best of 2 learning rates"
    )
    assert "; " not in fact(subject, "Capacity").split("bits are")[0].rstrip("; ")  # told once
    assert fact(subject, "Forgetting") == (
        "loss on 64 plain texts (900 tokens to predict) before and after training; objective: "
        "masked tokens"
    )
    assert fact(subject, "Serving") == "batches of 8 requests"


def test_each_kind_of_unstable_timing_is_a_sentence(make_subject: MakeSubject) -> None:
    made = sweep()
    made[2]["training"]["stable"] = False
    made[3]["serving"]["stable"] = False
    assert provenance.unstable(make_subject(made)) == (
        "Training speed varied by more than 10% for lora 8.",
        "Serving varied by more than 10% for houlsby 8.",
    )


def test_a_study_without_any_of_it_says_why_and_tells_no_facts(make_subject: MakeSubject) -> None:
    subject = make_subject(records.quick(sizes=(8,)))
    missing = dict(provenance.missing(subject))
    for name in ("Capacity in bits", "Forgetting", "Memory per further adapter", "Energy"):
        assert missing[name] == "all: not recorded"
    assert missing["Time to the floor"] == "all: no validation curve was recorded"
    names = {name for name, _ in provenance.facts(subject)}
    assert names.isdisjoint({"Capacity", "Forgetting", "Serving", "Energy", "Other programs"})
