"""What is nested in JSON objects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.task_config import TaskConfig
from harness.tasks.data import check, examples
from tests.tasks.conftest import MakeTask


def nested(task_of: MakeTask, path: Path, rows: list[object], **fields: str) -> TaskConfig:
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    own = {"format": "jsonl", "text": "said.1.content", "label": "about.class"}
    return task_of(path, **own | fields)


def rows() -> list[object]:
    return [
        {
            "said": [{"content": "the same"}, {"content": f"text {i}"}],
            "about": {"class": "ab"[i % 2]},
        }
        for i in range(60)
    ]


def test_dots_lead_into_objects_and_lists(task_of: MakeTask, tmp_path: Path) -> None:
    short = {"said": [{"content": "one alone"}], "about": {"class": "a"}}
    found = examples(nested(task_of, tmp_path / "data.jsonl", [*rows(), short]))
    assert found.counts["no_text"] == 1
    assert found.train["text"].str.fullmatch(r"text \d+").all()


def test_a_name_may_hold_dots_itself(task_of: MakeTask, tmp_path: Path) -> None:
    rows: list[object] = [{"a.b": f"text {i}", "label": "ab"[i % 2]} for i in range(60)]
    task = nested(task_of, tmp_path / "data.jsonl", rows, text="a.b", label="label")
    assert examples(task).counts["no_text"] == 0


def test_a_way_that_leads_nowhere_is_named(task_of: MakeTask, tmp_path: Path) -> None:
    task = nested(task_of, tmp_path / "data.jsonl", rows(), text="said.1.contents")
    with pytest.raises(ConfigError) as caught:
        check(task)
    expected = "task.text=said.1.contents: no such column in data.jsonl; did you mean said.1."
    assert str(caught.value).startswith(expected)
