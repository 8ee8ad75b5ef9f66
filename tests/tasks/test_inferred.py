"""The kind of a task is told by its labels where that is safe, and left to the user elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.config import identity, trial_config
from harness.entry import compose
from harness.errors import ConfigError
from harness.tasks import METRICS
from harness.tasks.inferred import of_labels
from tests.tasks.conftest import MakeTask, reviews
from tests.tasks.refused import GOOD, table

N = 400


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        (lambda i: ("bad", "good")[i % 2], "classification"),
        (lambda i: str(i % 5 + 1), "classification"),
        (lambda i: i % 5 + 1, "classification"),
        (lambda i: bool(i % 2), "classification"),
        (lambda i: f"intent {i % 40}", "classification"),
        (lambda i: None if i % 3 else "ab"[i % 2], "classification"),
        (lambda i: float("nan") if i % 3 else i % 2, "classification"),
        (lambda i: str(i / 7), "regression"),
        (lambda i: i / 7, "regression"),
        (lambda i: f"{i / 7:.2e}", "regression"),
        (lambda i: ["B-PER", "O", "O"], "tokens"),
        (lambda i: "O B-LOC I-LOC", "tokens"),
    ],
)
def test_a_safe_kind_is_told(task_of: MakeTask, label: Any, kind: str) -> None:
    labels = [label(i) for i in range(N)]
    assert of_labels(labels, ["two words more"] * N, task_of(reviews())).kind == kind


@pytest.mark.parametrize(
    ("label", "options"),
    [
        (lambda i: i % 77, "task.kind=classification (each number a class) or task.kind=regr"),
        (lambda i: i % 5 / 2, "task.kind=classification (each number a class) or task.kind=regr"),
        (lambda i: f"answer {i}", "task.kind=classification (each value a class) or task.kind=gen"),
        (lambda i: "ab"[i % 2] * 65, "task.kind=classification (each value a class) or task.kind="),
        (lambda i: ["O", "B-PER"], "row 0 holds a list, which is neither class, number nor answer"),
        (lambda i: "1" if i else True, "holds a truth value in row 0 and a text in row 1; task.ki"),
    ],
)
def test_what_could_be_two_kinds_is_refused(task_of: MakeTask, label: Any, options: str) -> None:
    with pytest.raises(ConfigError) as caught:
        of_labels([label(i) for i in range(N)], ["two words more"] * N, task_of(reviews()))
    assert options in str(caught.value)


def own(path: Path, *overrides: str) -> Any:
    return trial_config(compose(["task=csv", f"task.path={path}", *overrides]))


def test_the_trial_is_the_one_whose_kind_was_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my.csv"
    path.write_text(table(lambda i: i % 5))
    told, given = (own(path, "method=full", *kind) for kind in ((), ("task.kind=classification",)))
    assert identity(told, "m", "t") == identity(given, "m", "t")
    assert told.as_dict()["task"]["kind"] == "classification"
    own(path, "task.max_length=12", "seed=1")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "my.csv: label has 5 different numbers in 60 rows, all of them whole"
        " (task.kind=regression takes them as numbers); read as classification"
    ]
    path.write_text(table(lambda i: i / 7))
    assert own(path).task.kind == "regression"
    rates = [
        own(path, "method=full", *more).train.learning_rate
        for more in ((), ("task.kind=regression",))
    ]
    assert rates[0] == rates[1] != given.train.learning_rate


@pytest.mark.parametrize("kind", METRICS)
def test_the_metric_follows_from_the_kind(tmp_path: Path, kind: str) -> None:
    task = own(tmp_path, f"task.kind={kind}").task
    assert (task.metric, task.stratify) == (METRICS[kind][0], kind == "classification")


def test_a_group_is_kept_whole_without_being_told(tmp_path: Path) -> None:
    assert not own(tmp_path, "task.kind=classification", "task.group=customer").task.stratify


def test_a_kind_that_is_given_reads_no_data(tmp_path: Path) -> None:
    assert own(tmp_path / "absent.csv", "task.kind=generation").task.kind == "generation"
    (tmp_path / "my.csv").write_text(GOOD)
    with pytest.raises(ConfigError, match=r"^task\.source\.path=.*no such file"):
        own(tmp_path / "absent.csv")
