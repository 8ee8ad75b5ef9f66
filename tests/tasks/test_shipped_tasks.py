"""The data of every shipped task are what their sources and docs/tasks.md say."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Literal

import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from harness.assets import fetch
from harness.checked import from_plain
from harness.task_config import TaskConfig
from harness.tasks import reader
from harness.tasks.data import Examples, examples
from harness.tasks.splits import SPLITS
from tests.shipped import CONF, shipped

PAGE = Path(__file__).parents[2] / "docs" / "tasks.md"
BY = {"rotten_tomatoes": "by film", "tomi": "by story"}
FILES = sorted((CONF / "task").glob("*.yaml"))
NAMES = [f.stem for f in FILES if shipped("task", f.stem)["source"]["kind"] == "package"]


def task_of(name: str) -> TaskConfig:
    return from_plain(TaskConfig, shipped("task", name))


@cache
def examples_of(name: str) -> Examples:
    return examples(task_of(name))


def whole(name: str) -> pd.DataFrame:
    return pd.concat([getattr(examples_of(name), split) for split in SPLITS])


def sizes(name: str) -> list[int]:
    return [len(getattr(examples_of(name), split)) for split in SPLITS]


def row(name: str) -> str:
    """The line that the page gives to a task."""
    task, found = task_of(name), examples_of(name)
    rules = found.counts.items()
    left_out = ", ".join(f"{n:,} `{rule}`" for rule, n in rules if n and rule != "rows")
    split = "official" if task.files else BY.get(name, "by text")
    if task.files and "validation" not in task.files:
        split += ", validation by text"
    licence = task.source.licence
    numbers = " | ".join(f"{n:,}" for n in (found.counts["rows"], *sizes(name)))
    classes = len(found.labels) or ""
    cells = [name, task.kind, classes, task.metric, numbers, split, left_out, licence]
    return f"| {' | '.join(map(str, cells))} |"


@pytest.mark.network
@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_what_the_data_are(name: str) -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith(f"| {name} |")] == [row(name)]


@pytest.mark.network
@pytest.mark.parametrize("name", NAMES)
def test_no_example_and_no_group_is_in_two_splits(name: str) -> None:
    for column in ("id", "group"):
        values = [set(getattr(examples_of(name), split)[column]) for split in SPLITS]
        assert sum(map(len, values)) == len(set.union(*values))
    assert whole(name)["id"].is_unique


@pytest.mark.network
@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("newsgroups", 11_293 + 7_528),  # Cardoso-Cachopo 2007, 20ng
        ("stsb", 5_749 + 1_500 + 1_379),  # Cer et al. 2017, arXiv 1708.00055
        # Tjong Kim Sang and De Meulder 2003, table 1; lines between articles count as sentences.
        ("conll2003", 14_987 + 3_466 + 3_684 - 946 - 216 - 231),
        ("tomi", 5_993),  # lines of the file, as for the next
        ("sarcasm", 28_614),
    ],
)
def test_all_rows_of_the_source_are_read_and_accounted_for(name: str, published: int) -> None:
    counts = dict(examples_of(name).counts)
    assert counts.pop("rows") == published
    assert published - sum(counts.values()) == sum(sizes(name))


# Golden: what the splits were when they were first made. A change makes other trials of all.
@pytest.mark.network
@pytest.mark.parametrize(
    ("name", "expected", "first"),
    [
        ("newsgroups", [10_191, 1_071, 7_521], "00007c600bb68679"),
        ("stsb", [5_689, 1_496, 1_378], "002252b1d88b79f6"),
        ("conll2003", [12_501, 3_045, 3_181], "000d64b393e74d55"),
        ("tomi", [4_445, 582, 966], "0018c447e3ebeddb"),
        ("sarcasm", [21_453, 2_795, 4_250], "0001038ffa113251"),
    ],
)
def test_splits_are_what_they_were(name: str, expected: list[int], first: str) -> None:
    assert sizes(name) == expected
    assert examples_of(name).test["id"][0] == first


@pytest.mark.network
def test_sentences_of_stsb_are_what_stands_between_tabs() -> None:
    task, found = task_of("stsb"), whole("stsb")
    folder = fetch(task.source)
    lines = "".join((folder / file).read_text(encoding="utf-8") for file in task.files.values())
    rows = [line.split("\t") for line in lines.split("\n") if line]
    expected = {(row[5], row[6], float(row[4])) for row in rows}
    assert set(zip(found["text"], found["pair"], found["label"], strict=True)) <= expected
    assert found["label"].between(0, 5).all()
    assert found["text"].str.startswith('"').sum() > 50


@pytest.mark.network
def test_pairs_of_stsb_with_more_words_in_common_are_scored_as_more_alike() -> None:
    for split in SPLITS:
        table = getattr(examples_of("stsb"), split)
        pairs = zip(table["text"], table["pair"], strict=True)
        words = [[set(re.findall(r"\w+", text.lower())) for text in pair] for pair in pairs]
        shared = [len(a & b) / len(a | b) for a, b in words]
        assert spearmanr(shared, table["label"]).statistic > 0.5


# Tjong Kim Sang and De Meulder 2003, table 2.
@pytest.mark.network
@pytest.mark.parametrize(
    ("split", "entities"),
    [
        ("train", {"LOC": 7140, "MISC": 3438, "ORG": 6321, "PER": 6600}),
        ("validation", {"LOC": 1837, "MISC": 922, "ORG": 1341, "PER": 1842}),
        ("test", {"LOC": 1668, "MISC": 702, "ORG": 1661, "PER": 1617}),
    ],
)
def test_conll2003_has_the_published_entities_each_begun_by_b(
    split: Literal["train", "validation", "test"], entities: dict[str, int]
) -> None:
    task = task_of("conll2003")
    sentences = reader.read(fetch(task.source) / task.files[split], task)[task.label]
    assert Counter(tag[2:] for tags in sentences for tag in tags if tag[0] == "B") == entities
    for tags in sentences:
        for before, tag in itertools.pairwise(["O", *tags]):
            assert tag[0] != "I" or before[2:] == tag[2:]


@pytest.mark.network
def test_tomi_asks_up_to_six_questions_of_each_of_999_stories() -> None:
    table = whole("tomi")
    asked = table.groupby("group").size()
    assert (len(asked), asked.max()) == (999, 6)
    assert table["label"].nunique() == 13
    assert table["text"].str.endswith("?").all()
    for text, story in zip(table["text"], table["group"], strict=True):
        assert text.startswith(f"{story} ")
    assert not table["group"].str.contains("?", regex=False).any()


@pytest.mark.network
def test_answers_of_tomi_without_reading_are_as_often_right_as_the_page_says() -> None:
    found = examples_of("tomi")
    containers = set(found.train["label"])
    named = [
        [word for word in re.findall(r"\w+", text) if word in containers]
        for text in found.test["text"]
    ]
    right = found.test["label"]
    usual = found.train["label"].mode()[0]
    share = [
        (right == answers).mean()
        for answers in (usual, [words[0] for words in named], [words[-1] for words in named])
    ]
    expected = re.search(r"for (\S+) of the .* first for (\S+),.* last for (\S+):", _flat(PAGE))
    assert expected
    assert [f"{each:.3f}" for each in share] == list(expected.groups())


def _flat(page: Path) -> str:
    return " ".join(page.read_text(encoding="utf-8").split())


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize(("name", "floor"), [("newsgroups", 0.80), ("sarcasm", 0.80)])
def test_words_alone_tell_the_classes_apart(name: str, floor: float) -> None:
    """Labels belong to their texts, and test looks like training."""
    found = examples_of(name)
    words = TfidfVectorizer(sublinear_tf=True)
    model = LogisticRegression(C=5.0, max_iter=200)
    model.fit(words.fit_transform(found.train["text"]), found.train["label"])
    assert model.score(words.transform(found.test["text"]), found.test["label"]) > floor
