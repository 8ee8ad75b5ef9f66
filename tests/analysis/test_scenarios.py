from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.analysis.scenario import (
    PLANS,
    SHIPPED,
    Said,
    Scenario,
    named,
    shipped,
    shipped_plans,
    wanted_plans,
)
from harness.analysis.scenarios import Answer, answer, answers, enough_quality
from harness.analysis.study import Study, studies
from harness.checked import from_plain
from harness.errors import ConfigError
from harness.store import load
from tests import further, records
from tests.analysis.test_choice import further_sweep, sweep

MATRIX = {
    "instruction_tuning",
    "small_gpu",
    "many_tasks",
    "fewest_parameters",
    "seq2seq",
    "no_overhead",
    "production",
}
RANKS = {"rank_few_classes", "rank_entities", "rank_sentiment", "rank_instructions"}


def study(rows: list[dict]) -> Study:
    (only,) = studies(records.frame(rows))
    return only


def written(folder: Path, rows: list[dict], kind: str = "classification") -> Study:
    for row in rows:
        row["config"]["task"]["kind"] = kind
    (only,) = studies(load(records.write(folder, rows)))
    return only


def of(only: Study, name: str, **own: object) -> Answer:
    (scenario,) = named(name)
    return answer(only, scenario, own)


def pick(only: Study, name: str, **own: object) -> str:
    choice = of(only, name, **own).choice
    assert choice is not None
    assert choice.pick is not None
    return choice.pick.method


def test_the_decision_matrix_and_the_rank_guide_ship() -> None:
    assert {s.name for s in shipped() if s.answer == "pick"} == MATRIX
    assert {s.name for s in shipped() if s.answer == "sizes"} == RANKS
    assert SHIPPED.suffix == ".yaml"
    assert {s.name: s.said.sizes for s in shipped() if s.name in RANKS} == {
        "rank_few_classes": (4, 4),
        "rank_entities": (8, 8),
        "rank_sentiment": (8, 16),
        "rank_instructions": (16, 32),
    }


def test_what_is_said_to_be_right_are_methods_that_there_are() -> None:
    conf = Path(__file__).parents[2] / "conf" / "method"
    told = {method for scenario in shipped() for method in scenario.said.methods}
    assert told <= {path.stem for path in conf.glob("*.yaml")}


def test_a_scenario_of_no_name_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean small_gpu"):
        named("smal_gpu")
    assert named("all") == shipped()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"needs": ["speed"]}, "needs"), ({"prefer": ["beauty"]}, "prefer"), ({"fame": 1}, "fame")],
)
def test_a_wrong_scenario_is_refused(wrong: dict, field: str) -> None:
    plain = {
        "name": "one", "title": "One", "question": "Which?", "rule": "The best.",
        "said": {"words": "LoRA", "methods": ["lora"], "source": "a paper"},
    }  # fmt: skip
    assert from_plain(Scenario, plain).prefer == ("quality",)
    with pytest.raises(ConfigError, match=field):
        from_plain(Scenario, plain | wrong)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("no_overhead", "lora"),
        ("small_gpu", "bitfit"),
        ("many_tasks", "lora"),
        ("fewest_parameters", "bitfit"),
        ("production", "lora"),
    ],
)
def test_scenarios_are_answered_by_their_rules(name: str, expected: str) -> None:
    only = study(sweep())
    assert enough_quality(only) == pytest.approx(0.75)
    assert pick(only, name) == expected
    assert of(only, name).unanswered == ""


def test_the_pick_is_held_against_the_floor() -> None:
    assert of(study(sweep()), "small_gpu").over_floor.difference == pytest.approx(0.06)


def test_where_nothing_beats_the_floor_the_floor_is_the_cheap_answer() -> None:
    rows = [records.record("head", quality__value=0.72), records.record("full", quality__value=0.6)]
    little = of(study(rows), "small_gpu")
    assert little.choice.pick.method == "head"
    assert little.over_floor is None


def test_many_tasks_count_the_real_bytes_of_a_further_adapter_where_measured() -> None:
    by_file, by_memory = (of(study(rows), "many_tasks") for rows in (sweep(), further_sweep()))
    assert (by_file.choice.pick.method, by_memory.choice.pick.method) == ("lora", "houlsby")
    assert "stored file" in by_file.rule
    assert "per further adapter" in by_memory.rule
    assert "keeping at least half" in by_memory.rule


def test_own_constraints_take_the_place_of_a_scenarios_and_needs_are_added() -> None:
    only = study(sweep())
    assert pick(only, "no_overhead", max_train_memory=250) == "bitfit"
    assert pick(only, "small_gpu", min_quality=0.785) == "houlsby"
    assert pick(only, "small_gpu", needs=("merge", "hot_swap")) == "lora"
    assert of(only, "many_tasks", needs=("merge",)).choice.constraints.needs == (
        "hot_swap",
        "merge",
    )


def test_plans_stand_in_for_what_records_lack_and_for_nothing_else(tmp_path: Path) -> None:
    classified = written(tmp_path, records.quick())
    assert len(of(classified, "seq2seq").plans) == 5
    assert "qlora" in of(classified, "small_gpu").plans[0]
    assert of(classified, "rank_sentiment").agrees is not None
    assert of(classified, "rank_sentiment").plans == ()


def test_what_may_or_may_not_merge_agrees_with_nothing_that_must() -> None:
    untried = {"merge__mergeable": None, "merge__reason": "not measured"}
    found = of(study([records.record("full"), records.record("lora", **untried)]), "no_overhead")
    assert (found.agrees, found.agreement) == (None, "not measured")
    found = of(study([records.record("full"), records.record("houlsby")]), "no_overhead")
    assert (found.agrees, found.agreement) == (None, "not run here")


def test_agreement_is_with_the_pick_or_what_ties_with_it() -> None:
    only = study(sweep())
    assert of(only, "no_overhead").agrees is True
    assert of(only, "many_tasks").agrees is False
    assert of(only, "small_gpu").agrees is None  # nobody ran what is said
    rows = sweep()
    rows[0]["quality"] |= {"value": 0.801, "ci_low": 0.797, "ci_high": 0.805}
    tied = of(study(rows), "no_overhead")
    assert (tied.choice.pick.method, tied.agrees) == ("full", True)


def test_what_is_said_of_sizes_holds_for_those_sizes_and_for_pefts_own_type() -> None:
    only = study([records.record("lora", size) for size in (8, 16)] + [records.record("ia3")])
    said = Said("rank 16–32", ("lora",), "a guide", (16, 32))
    assert {entry.label: said.of(entry) for entry in only.entries} == {
        "lora 8": False,
        "lora 16": True,
        "ia3": False,
    }
    own = study([records.record("peft/lora", 16, family="low_rank")])
    assert said.of(own.entries[0])


def test_records_of_another_kind_of_task_cannot_answer(tmp_path: Path) -> None:
    classified = written(tmp_path / "one", records.quick())
    for name in ("seq2seq", "instruction_tuning", "rank_entities"):
        assert of(classified, name).unanswered == "the records are of classification"
    unsaid = of(study(records.quick()), "seq2seq")
    assert unsaid.unanswered == "the records do not say what kind of task they are of"
    translated = written(tmp_path / "two", records.quick(), "translation")
    assert of(translated, "seq2seq").unanswered == ""
    assert of(translated, "seq2seq").agrees is False


def test_the_rank_guide_is_answered_for_tasks_of_its_kind(tmp_path: Path) -> None:
    rows = [
        records.record("lora", size, quality__value=value)
        for size, value in ((4, 0.70), (8, 0.775), (16, 0.78))
    ]
    sentiment = written(tmp_path / "one", rows)
    found = of(sentiment, "rank_sentiment")
    assert (found.smallest.smallest.size, found.agrees) == (8, True)
    other = of(sentiment, "rank_few_classes")
    assert other.unanswered == "rotten_tomatoes is not known to be such a task"
    single = written(tmp_path / "two", [records.record("lora", 8)])
    assert of(single, "rank_sentiment").unanswered == "no method was run at two sizes"


def test_what_nobody_measured_is_not_measured_rather_than_ruled_out() -> None:
    rows = [records.record("lora", 8, latency__merged_over_base=None) for _ in range(1)]
    found = of(study(rows), "production")
    assert found.unanswered == "max_latency_ratio: not recorded"
    barred = of(study([records.record("houlsby", 8)]), "no_overhead")
    assert (barred.unanswered, barred.choice.pick) == ("", None)


def test_every_scenario_is_answered_or_says_why_not(tmp_path: Path) -> None:
    rows = [further.measured(row) for row in records.quick()]
    found = answers(written(tmp_path, rows))
    assert [a.scenario for a in found] == list(shipped())
    for each in found:
        told = [bool(each.unanswered), each.choice is not None and not each.unanswered]
        assert sum([*told, bool(each.sizes)]) == 1, each.scenario.name


def test_the_plans_that_ship_are_those_that_scenarios_ask_for() -> None:
    assert list(json.loads(PLANS.read_text())) == wanted_plans(shipped())
    # Published: LoRA of rank 16 on all linear layers of Llama 2 7B trains 39,976,960 parameters.
    planned = shipped_plans()["model=llama2_7b method=lora size=16 batch_size=1 seq_len=512"]
    assert planned["trainable_parameters"] == 39_976_960
    for scenario in shipped():
        assert scenario.plan or not scenario.task_kinds, scenario.name
        # So that a page names the model and the shape of a batch once.
        plans = [shipped_plans()[line] for line in scenario.plan]
        assert len({(p["model"], p["batch_size"], p["seq_len"]) for p in plans}) <= 1


def test_without_a_floor_nothing_below_zero_is_half_good_enough() -> None:
    negative = {"quality__metric": "spearman", "quality__value": -0.2}
    assert enough_quality(study([records.record("lora", 8, **negative)])) is None
    positive = negative | {"quality__value": 0.6}
    assert enough_quality(study([records.record("lora", 8, **positive)])) == pytest.approx(0.3)
