"""Sentences of a word per line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from harness.config import trial_config
from harness.entry import compose
from harness.task_config import TaskConfig
from harness.tasks.data import check, examples
from tests.tasks import refused
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
    line = (
        f"task.format=conll: {path} cannot be read as that: line 2 has 2 cells,"
        " task.columns=[word,pos,tag] names 3"
    )
    assert_refused(task_of, path, line, **FIELDS)


def test_a_column_that_is_not_there_is_named(task_of: MakeTask, tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text(sentences(), encoding="utf-8")
    line = "task.label=ner: no such column in data.txt; one of pos, tag, word"
    assert_refused(task_of, path, line, **FIELDS | {"label": "ner"})


def own(path: Path, *overrides: str) -> TaskConfig:
    return trial_config(compose(["task=conll", f"task.path={path}", *overrides])).task


def test_the_users_own_file_needs_nothing_but_its_path(tmp_path: Path) -> None:
    path = tmp_path / "names.conll"
    path.write_text(refused.sentences(lambda i: f"Ada{i} B-PER"))
    task = own(path)
    assert (task.name, task.kind, task.metric) == ("names", "tokens", "entity_f1")
    assert not task.stratify
    assert check(task)[0] == (
        "names.conll: 60 rows; 2 tags; train 50, validation 5, test 5; split by hash"
    )


def test_further_columns_that_are_named_change_nothing(tmp_path: Path) -> None:
    two, four = tmp_path / "two", tmp_path / "four"
    two.write_text(refused.sentences(lambda i: f"Ada{i} B-PER"))
    head = "a line about the file\n"
    four.write_text(head + re.sub(r"(\S+) (O|B-PER)", r"\1 NN I-NP \2", two.read_text()))
    named = own(four, "task.columns=[word,pos,chunk,tag]", "task.skip=1")
    assert examples(named).train.equals(examples(own(two)).train)


def test_official_splits_are_files_of_a_folder(tmp_path: Path) -> None:
    for name, first in (("train", "Ada"), ("dev", "Bea"), ("test", "Cleo")):
        content = refused.sentences(lambda i, first=first: f"{first}{i} B-PER", n=len(name))
        (tmp_path / f"{name}.conll").write_text(content)
    files = "{train: train.conll, validation: dev.conll, test: test.conll}"
    line = check(own(tmp_path, f"task.files={files}"))[0]
    assert "train 5, validation 3, test 4; splits as given" in line
