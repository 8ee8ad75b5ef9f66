"""Sentences of a word per line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.tasks.data import examples
from tests.tasks.conftest import MakeTask, assert_refused

FIELDS: dict[str, Any] = {
    "format": "conll",
    "kind": "tokens",
    "columns": ["word", "pos", "tag"],
    "text": "word",
    "label": "tag",
    "metric": "entity_f1",
}


def sentences(separator: str = " ") -> str:
    lines = []
    for i in range(60):
        lines += ["-DOCSTART- -X- O", ""] if i % 20 == 0 else []
        lines += [f"Ada{i} NNP B-PER", "Love\u00a0lace NNP I-PER", '" # O', ""]
    return "\n".join(lines).replace(" ", separator)


@pytest.mark.parametrize("separator", [" ", "\t", "  "])
def test_a_line_is_a_word_and_an_empty_line_ends_a_sentence(
    task_of: MakeTask, tmp_path: Path, separator: str
) -> None:
    path = tmp_path / "data.txt"
    path.write_text(sentences(separator), encoding="utf-8", newline="\n")
    found = examples(task_of(path, **FIELDS))
    assert found.counts["rows"] == 60
    assert found.labels == ("B-PER", "I-PER", "O")
    for words, tags in zip(found.train["text"], found.train["label"], strict=True):
        assert words[1:] == ["Love\u00a0lace", '"']
        assert tags == [0, 1, 2]


def test_ends_of_lines_and_of_the_file_change_nothing(task_of: MakeTask, tmp_path: Path) -> None:
    (tmp_path / "a").write_text(sentences(), encoding="utf-8", newline="\n")
    other = sentences().rstrip("\n").replace("\n\n", "\n \n\n")
    (tmp_path / "b").write_text(other, encoding="utf-8", newline="\r\n")
    one, two = (examples(task_of(tmp_path / name, **FIELDS)) for name in "ab")
    assert one.train.equals(two.train)


def test_a_line_of_another_width_is_named(task_of: MakeTask, tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text("a b O\na O\n")
    line = f"task.format=conll: {path} cannot be read as that: line 2 has 2 cells, task.columns"
    assert_refused(task_of, path, line, **FIELDS)


def test_a_column_that_is_not_there_is_named(task_of: MakeTask, tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text(sentences(), encoding="utf-8")
    line = "task.label=ner: no such column in data.txt; one of pos, tag, word"
    assert_refused(task_of, path, line, **FIELDS | {"label": "ner"})
