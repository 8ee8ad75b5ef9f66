"""Each kind's rows become examples by the same rules, and each rule's count is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ConfigError
from harness.task_config import TaskConfig
from harness.tasks.data import examples, load
from tests.tasks.conftest import MakeTask, reviews

PAIRS = [[f"sentence {i}", str(i / 10), f"other {i}"] for i in range(60)]
SENTENCES = [
    {"words": [f"Ada{i}", "met", "Bob"], "tags": ["B-PER", "O", ("B-PER", "B-ORG")[i % 2]]}
    for i in range(60)
]
SAYS = {"kind": "generation", "metric": "exact_match"}


def json_task(task_of: MakeTask, path: Path, rows: Sequence[object], **fields: Any) -> TaskConfig:
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    own = {"format": "jsonl", "kind": "tokens", "text": "words", "label": "tags"}
    return task_of(path, **own | {"metric": "entity_f1"} | fields)


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


class TestPairs:
    def task(self, task_of: MakeTask, rows: list[list[str]], **fields: Any) -> TaskConfig:
        own = {"kind": "regression", "pair": "film", "metric": "spearman"}
        return task_of(rows, **own | fields)

    def test_both_texts_are_kept_and_make_the_id(self, task_of: MakeTask) -> None:
        data = load(self.task(task_of, PAIRS))
        assert data.train.column_names == ["text", "pair", "label", "id"]
        assert data.labels == ()
        expected = {row[0]: (row[2], float(row[1])) for row in PAIRS}
        for row in data.train:
            assert expected[row["text"]] == (row["pair"], row["label"])
            assert row["id"] == hashed(f"{row['text']}\t{row['pair']}")

    def test_pairs_are_the_same_where_both_texts_are(self, task_of: MakeTask) -> None:
        rows = [
            *PAIRS,
            ["sentence 0", "0.0", "other  0 "],  # a copy but for white space
            ["sentence 0", "0.00", "other 0"],  # the same number
            ["sentence 0", "3", "other 1"],
            ["other 0", "3", "sentence 0"],
            ["sentence 1", "3", "other 1"],  # 0.1 above
            ["sentence 2", "3", " "],
            ["sentence 2", " ", "alone"],
        ]
        found = examples(self.task(task_of, rows))
        assert found.counts == {
            "rows": 67,
            "dropped": 0,
            "no_text": 1,
            "no_label": 1,
            "contradictory": 2,
            "duplicate": 2,
        }

    def test_a_class_for_each_pair(self, task_of: MakeTask) -> None:
        data = load(task_of(reviews(), pair="film"))
        assert data.train.features["label"].names == ["bad", "good"]
        assert set(data.train["pair"]) <= {row[2] for row in reviews()}

    @pytest.mark.parametrize("label", ["good", "nan", "inf", "1,5"])
    def test_what_is_no_finite_number_is_told_with_its_row(
        self, task_of: MakeTask, label: str
    ) -> None:
        with pytest.raises(ConfigError) as caught:
            examples(self.task(task_of, [*PAIRS, ["sentence", label, "other"]]))
        expected = f"task.label=label: row 60 says '{label}', which is no finite number"
        assert str(caught.value) == expected

    @pytest.mark.parametrize("column", ["text", "label"])
    def test_a_pair_is_another_column(self, task_of: MakeTask, column: str) -> None:
        with pytest.raises(
            ConfigError, match=f"^task.pair={column}: is the column of the {column}"
        ):
            examples(self.task(task_of, PAIRS, pair=column))

    def test_one_number_for_all_is_refused(self, task_of: MakeTask) -> None:
        rows = [[text, "2", pair] for text, _, pair in PAIRS]
        with pytest.raises(ConfigError, match=r"needs two values; every row says 2\.0"):
            examples(self.task(task_of, rows))


class TestTokens:
    def test_words_have_numbers_of_sorted_tags(self, task_of: MakeTask, tmp_path: Path) -> None:
        data = load(json_task(task_of, tmp_path / "a.jsonl", SENTENCES))
        assert data.labels == ("B-ORG", "B-PER", "O")
        expected = {row["words"][0]: row["tags"] for row in SENTENCES}
        for row in data.train:
            tags = [data.labels[number] for number in row["label"]]
            assert tags == expected[row["text"][0]]
            assert row["id"] == hashed(" ".join(row["text"]))

    def test_words_and_tags_may_be_texts(self, task_of: MakeTask, tmp_path: Path) -> None:
        expected = examples(json_task(task_of, tmp_path / "a.jsonl", SENTENCES))
        rows = [{name: " ".join(cell) for name, cell in row.items()} for row in SENTENCES]
        found = examples(json_task(task_of, tmp_path / "b.jsonl", rows))
        assert found.train.equals(expected.train)

    def test_rules_compare_whole_sentences(self, task_of: MakeTask, tmp_path: Path) -> None:
        rows = [
            *SENTENCES,
            SENTENCES[0],
            {**SENTENCES[1], "tags": ["O", "O", "O"]},
            {"words": [], "tags": []},
            {"words": ["untagged"], "tags": None},
        ]
        counts = examples(json_task(task_of, tmp_path / "a.jsonl", rows)).counts
        assert counts == {
            "rows": 64,
            "dropped": 0,
            "no_text": 1,
            "no_label": 1,
            "contradictory": 2,
            "duplicate": 1,
        }

    @pytest.mark.parametrize(
        ("row", "line"),
        [
            (
                {"words": ["a", "b"], "tags": ["O"]},
                "task.label=tags: row 60 has 2 words and 1 tags",
            ),
            (
                {"words": ["a"], "tags": ["PER"]},
                "task.label=tags: row 60 has the tag 'PER'; expect",
            ),
            ({"words": ["a"], "tags": [3]}, "task.label=tags: row 60 has the tag '3'; expected O,"),
            ({"words": ["a", " "], "tags": ["O", "O"]}, "task.source=words: row 60 holds an empty"),
            ({"words": ["a", ["b"]], "tags": ["O"]}, "task.source=words: row 60 holds a list, not"),
        ],
    )
    def test_a_wrong_sentence_is_told_with_its_row(
        self, task_of: MakeTask, tmp_path: Path, row: object, line: str
    ) -> None:
        with pytest.raises(ConfigError) as caught:
            examples(json_task(task_of, tmp_path / "a.jsonl", [*SENTENCES, row]))
        assert str(caught.value).startswith(line)


def test_answers_lose_nothing_but_the_space_around_them(task_of: MakeTask) -> None:
    rows = [
        *([f"question {i}", f" The Answer: {i}. ", "film"] for i in range(60)),
        ["question 0", "The Answer: 0.", "film"],
        ["question 1", "the answer: 1.", "film"],
        ["question", " ", "film"],
    ]
    data = load(task_of(rows, **SAYS))
    assert (data.counts["no_label"], data.counts["duplicate"]) == (1, 1)
    assert data.counts["contradictory"] == 2
    assert data.labels == ()
    for row in data.train:
        assert row["label"] == f"The Answer: {row['text'].removeprefix('question ')}."


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"pair": "film", **SAYS}, "pair=film: is nothing that kind=generation reads"),
        ({"labels": ["a"], **SAYS}, "labels=['a']: kind=generation has no classes"),
        ({"files": {"train": "a"}, "file": "b"}, "files={'train': 'a'}: contradicts file=b; give"),
        ({"files": {"train": "a"}, "split": "b"}, "files={'train': 'a'}: contradicts split=b; gi"),
        ({"files": {"test": "a"}}, "files={'test': 'a'}: lacks train, the file to train on"),
        ({"format": "conll"}, "columns=None: format=conll needs the names of its columns, such as"),
        ({"format": "jsonl", "columns": ["a"]}, "columns=['a']: format=jsonl names its columns it"),
        ({"columns": []}, "columns=[]: "),
        ({"format": "parquet", "skip": 1}, "skip=1: format=parquet has no head to skip"),
        ({"format": "jsonl", "quoting": False}, "quoting=False: format=jsonl quotes no cells"),
        ({"group_pattern": "(.*)"}, "group_pattern=(.*): needs group, the column that it looks at"),
    ],
)
def test_fields_that_contradict_each_other_are_named(
    task_of: MakeTask, fields: dict[str, Any], line: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        task_of(reviews(), **fields)
    assert str(caught.value).startswith(line)
