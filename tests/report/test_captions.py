from __future__ import annotations

import pytest

from harness.report import captions, summary
from harness.report.planes import sizes, trade_offs
from tests import records
from tests.report.conftest import MakeSubject


def scored(method: str, size: int | None, quality: float, **changes: object) -> dict:
    interval = {"quality__ci_low": quality - 0.004, "quality__ci_high": quality + 0.004}
    return records.record(method, size, quality__value=quality, **interval, **changes)


@pytest.mark.parametrize(
    ("small", "large", "said"),
    [
        (0.70, 0.78, "A larger size helps lora (+8.0, 4 to 64)."),
        (0.78, 0.70, "A larger size hurts lora (−8.0, 4 to 64)."),
        (0.78, 0.781, "The largest cannot be told from the smallest for lora (+0.1, 4 to 64)."),
    ],
)
def test_what_size_does_follows_the_figures(
    make_subject: MakeSubject, small: float, large: float, said: str
) -> None:
    subject = make_subject([scored("lora", 4, small), scored("lora", 64, large)])
    assert sizes(subject).caption == said


def test_a_cheaper_tie_is_the_conclusion_of_a_trade_off(make_subject: MakeSubject) -> None:
    made = [
        scored("lora", 64, 0.781, memory__train__allocated_peak=300 * 2**20),
        scored("lora", 4, 0.780, memory__train__allocated_peak=200 * 2**20),
        scored("ia3", None, 0.700, memory__train__allocated_peak=100 * 2**20),
    ]
    memory = trade_offs(make_subject(made))[0].caption.replace("\u00a0", " ")
    assert memory.startswith(
        "lora 4 ties with the best, lora 64, at a lower training peak: 200 MiB against 300 MiB."
    )
    assert memory.endswith("cheapest first: ia3, lora 4 and lora 64.")


def test_the_best_alone_is_said_to_be_alone(make_subject: MakeSubject) -> None:
    made = [scored("lora", 64, 0.80), scored("ia3", None, 0.70)]
    assert "nothing ties with it" in trade_offs(make_subject(made))[0].caption


def test_a_broken_null_is_told_before_anything_else(make_subject: MakeSubject) -> None:
    off = {"value": 1.05, "ci_low": 1.04, "ci_high": 1.06}
    subject = make_subject(records.quick(latency__unmerged_over_base=off))
    assert summary.alerts(subject)[0].startswith("The latency nulls fail: 3 of 6")


def test_seeds_are_warned_of_until_there_are_three(make_subject: MakeSubject) -> None:
    (told,) = summary.alerts(make_subject(records.quick(sizes=(8,))))
    assert "One seed each" in told


def test_three_seeds_are_not_warned_of(make_subject: MakeSubject) -> None:
    assert summary.alerts(make_subject(records.quick((0, 1, 2), sizes=(8,)))) == ()


def test_other_numbers_of_steps_are_warned_of(make_subject: MakeSubject) -> None:
    made = [records.record("lora", 8), records.record("lora", 8, config__train__steps=600)]
    assert any("same number of examples" in told for told in summary.alerts(make_subject(made)))


def test_when_nothing_beats_the_floor_the_page_says_so(make_subject: MakeSubject) -> None:
    made = [scored("head", None, 0.72), scored("lora", 4, 0.60), scored("houlsby", 4, 0.55)]
    subject = make_subject(made)
    assert summary.sentences(subject)[0].startswith("head, the floor, has the best accuracy")
    assert "Nothing that was trained gains over it." in summary.sentences(subject)
    assert captions.triangle(subject).startswith("No configuration gains quality over the floor")


def test_nulls_without_intervals_conclude_nothing_about_merging(make_subject: MakeSubject) -> None:
    bare = {"value": 1.3, "ci_low": None, "ci_high": None}
    made = records.quick(
        sizes=(8,), latency__unmerged_over_base=bare, latency__merged_over_base=bare
    )
    told = captions.merging(make_subject(made))
    assert "no intervals" in told
    assert "cannot be told from the base" not in told


def test_merged_models_that_differ_from_the_base_are_not_called_equal(
    make_subject: MakeSubject,
) -> None:
    slow = {"value": 1.03, "ci_low": 1.02, "ci_high": 1.04}
    same = {"value": 1.0, "ci_low": 0.99, "ci_high": 1.01}
    made = [
        records.record("lora", 4, latency__merged_over_base=slow),
        records.record("lora", 8, latency__merged_over_base=same),
    ]
    told = captions.merging(make_subject(made))
    assert "Merged, lora 8 cannot be told from the base. Merged, lora 4 differs from it" in told


def test_unstable_timing_is_told_first_and_with_the_pick(make_subject: MakeSubject) -> None:
    subject = make_subject([records.record("lora", 8, latency__stable=False)])
    assert any("unstable for 1 of 1 configuration" in told for told in summary.alerts(subject))
    assert all("Its timing was unstable" in pick.sure for pick in summary.picks(subject))


def test_a_single_configuration_concludes_nothing(make_subject: MakeSubject) -> None:
    subject = make_subject([records.record("lora", 8)])
    assert "Nothing can be concluded" in captions.triangle(subject)
    assert "Nothing can be concluded" in captions.sizes(subject)
    assert summary.sentences(subject)[0].startswith("lora 8 has the best accuracy")


def test_when_all_failed_the_answer_says_so(make_subject: MakeSubject) -> None:
    subject = make_subject([records.failed(method="lora", size=size) for size in (4, 8)])
    assert summary.sentences(subject) == ("No trial finished: 2 trials failed.",)
    assert summary.picks(subject) == ()


def test_a_pick_that_ties_with_the_floor_is_owned_up_to(make_subject: MakeSubject) -> None:
    subject = make_subject([scored("head", None, 0.718), scored("lora", 4, 0.719)])
    assert "cannot be told from the floor" in summary.picks(subject)[1].sure


@pytest.mark.parametrize(
    ("methods", "said"),
    [
        (["lora"], "Gradients and optimizer state are at most "),
        (["lora", "full"], "%. In the other methods they are at most "),
    ],
)
def test_memory_speaks_of_other_methods_only_beside_full(
    make_subject: MakeSubject, methods: list[str], said: str
) -> None:
    assert said in captions.memory(make_subject([records.record(method) for method in methods]))


def test_less_is_better_where_the_metric_says_so(make_subject: MakeSubject) -> None:
    changes = {"quality__metric": "perplexity", "quality__higher_is_better": False}
    made = [scored("lora", 4, 1.4, **changes), scored("head", None, 1.6, **changes)]
    subject = make_subject(made)
    chart = trade_offs(subject)[0].chart
    assert (chart.better, chart.y.title) == ("", "perplexity (lower is better)")
    told = summary.sentences(subject)[0]
    assert told.startswith("lora 4 has the best perplexity: 1.40 (1.40–1.40), ")
