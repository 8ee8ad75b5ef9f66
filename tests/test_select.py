"""What `python -m harness.select` prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import entry, selection
from harness.analysis.scenario import shipped
from harness.errors import ConfigError
from harness.selecting import command
from tests import records


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = records.quick(seeds=(0, 1, 2), config__task__kind="classification")
    return records.write(tmp_path_factory.mktemp("select") / "results", made)


@pytest.fixture
def select(results: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Exit code, lines and the last line as JSON."""

    def call(*overrides: str) -> tuple[int, str, dict[str, Any]]:
        code = command([entry.compose([f"results={results}", *overrides], "select")])
        *lines, last = capsys.readouterr().out.replace("\u00a0", " ").splitlines()
        return code, "\n".join(lines), json.loads(last)

    return call


def test_the_answer_tells_the_pick_how_sure_it_is_and_what_moves_it(select: Any) -> None:
    code, told, plain = select("max_train_memory=205MiB", "needs=[hot_swap]")
    assert code == 0
    label = plain["pick"]["label"]
    assert f"pick: {label}\n" in told
    assert f"{round(100 * plain['certainty'])}% of 200 resamples" in told
    assert f"ruled out: {len(plain['ruled_out'])}\n" in told
    assert "\nif one constraint moves\n  " in told
    assert "max_train_memory from " in told
    assert {"pick", "ties", "ruled_out", "wins", "moves"} <= plain.keys()
    rows = [line.split() for line in told.splitlines()]
    assert [r[1:3] for r in rows if r[:1] == ["pick"]] == [label.split()]
    assert sum(r[:1] == ["tied"] for r in rows) == len(plain["ties"])


def test_rows_are_aligned(select: Any) -> None:
    _, told, _ = select()
    table = told.split("\n\n")[1].splitlines()
    assert table[0].split()[0] == "accuracy"
    starts = {line.index("MiB") for line in table[1:]}
    assert len(starts) <= 2  # 96.1 MiB and 224 MiB differ in length


def test_words_and_the_overview_keep_to_100_columns(select: Any) -> None:
    for overrides in ((), ("scenario=all",)):
        _, told, _ = select(*overrides)
        assert max(map(len, told.splitlines())) <= selection.WIDTH


def test_the_overview_says_once_why_scenarios_are_not_measured(select: Any) -> None:
    _, told, plain = select("scenario=all")
    reasons = {each["not_measured"] for each in plain["scenarios"]} - {None}
    assert reasons
    flowing = " ".join(told.split())
    assert {flowing.count(reason) for reason in reasons} == {1}


def test_of_several_studies_one_is_named_as_the_command_line_takes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [records.record(method, task=t) for t in ("a", "b") for method in ("lora", "head")]
    held = records.write(tmp_path / "results", made)

    def call(*overrides: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["select", f"results={held}", *overrides])
        code = entry.run(command, "select")
        out, err = capsys.readouterr()
        return code, out or err

    code, told = call()
    expected = "choose one by study.model=… and study.task=…; there are minilm on a; minilm on b"
    assert (code, told) == (1, f"error: study=None: {expected}\n")
    assert call("study.task=c") == (1, f"error: study=c: {expected}\n")
    assert call("task=b") == (1, "error: task=b: is not a key of this command; see its --help\n")
    code, told = call("study.task=b")
    assert code == 0
    assert told.startswith("minilm on b: 2 candidates\n")


def test_nothing_that_qualifies_is_exit_code_1_with_what_to_relax(select: Any) -> None:
    code, told, plain = select("max_train_memory=1MiB")
    assert (code, plain["pick"]) == (1, None)
    assert "nothing keeps to all of it; head would with max_train_memory to 97.00 MiB" in told
    assert "(96.0 MiB more)" in told


def test_what_cannot_be_relaxed_is_told_with_its_reason(select: Any) -> None:
    code, told, _ = select("needs=[quantised_base]", "max_train_memory=1GiB")
    assert code == 1
    (line,) = [line for line in told.splitlines() if line.startswith("nothing keeps")]
    assert line.endswith(" would without quantised_base (its base was not held in four bits)")


def test_the_help_and_the_config_name_every_scenario() -> None:
    for name in ("select.yaml", "hydra/help/select.yaml"):
        text = (entry.CONF / name).read_text()
        assert [s.name for s in shipped() if s.name not in text] == []


def test_many_that_are_ruled_out_are_grouped_by_reason(
    select: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "ROWS", 5)
    _, told, plain = select("max_train_memory=190MiB", "needs=[merge]")
    lines = told.split("ruled out: ")[1].split("\n\n")[0].splitlines()[1:]
    assert len(lines) <= 6
    by_memory = sum(any(r.startswith("max_train") for r in o["by"]) for o in plain["ruled_out"])
    (memory,) = [line for line in lines if "Max_train_memory" in line or "max_train_memory" in line]
    assert f" {by_memory} " in memory
    assert "nearest: " in memory
    assert any("not linear in the weights" in line for line in lines)


def test_a_scenario_tells_its_question_its_rule_and_what_is_said(select: Any) -> None:
    code, told, plain = select("scenario=small_gpu")
    assert code == 0
    assert told.startswith("Little training memory: Which method trains where memory is short")
    assert "rule: The smallest training peak, keeping at least half of the best gain" in told
    assert "commonly said: QLoRA (Dettmers et al. 2023, arXiv 2305.14314); here: not run" in told
    assert "by the plan, not measured" in told
    assert (plain["scenario"], plain["pick"]["label"]) == ("small_gpu", "bitfit")
    assert [p["method"] for p in plain["planned"]] == ["qlora", "lora", "full"]


def test_a_scenario_takes_own_constraints(select: Any) -> None:
    _, _, plain = select("scenario=no_overhead", "max_train_memory=200MiB")
    assert plain["pick"]["label"] == "bitfit"
    _, _, cheapest = select("scenario=no_overhead", "prefer=file_bytes")
    assert cheapest["pick"]["label"] == "head"


def test_what_records_cannot_say_is_marked_as_not_measured(select: Any) -> None:
    code, told, plain = select("scenario=seq2seq")
    assert (code, plain["pick"]) == (0, None)
    assert plain["not_measured"] == "the records are of classification"
    assert "not measured: the records are of classification" in told
    assert "prefix_tuning 16  t5_base  8 x 512" in told
    assert len(plain["planned"]) == 5


def test_sizes_that_do_are_told_for_each_method(select: Any) -> None:
    code, told, plain = select("scenario=rank_sentiment")
    assert code == 0
    assert plain["sizes"]["lora"]["smallest"] in (4, 16)
    assert "smallest that ties" in told
    assert "commonly said: rank 8–16" in told


def test_all_scenarios_are_one_table(select: Any) -> None:
    code, told, plain = select("scenario=all")
    assert code == 0
    _, *rows = told.partition("\n\n")[0].splitlines()
    assert len(rows) == 1 + len(plain["scenarios"])
    assert all("ruled_out" not in each for each in plain["scenarios"])


def test_a_scenario_of_no_name_is_an_error_at_the_door(select: Any) -> None:
    with pytest.raises(ConfigError, match="scenario=all_tasks: did you mean"):
        select("scenario=all_tasks")


def test_plans_are_made_anew_where_that_is_asked_for(
    select: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.plan import scenarios

    asked: list[str] = []

    def planned(lines: list[str]) -> dict[str, dict[str, Any]]:
        asked.extend(lines)
        return {line: {"error": "bitsandbytes is not installed"} for line in lines}

    monkeypatch.setattr(scenarios, "planned", planned)
    _, told, plain = select("scenario=seq2seq", "replan=true")
    assert len(asked) == len(plain["planned"]) == 5
    assert "cannot be planned here: bitsandbytes is not installed" in told
