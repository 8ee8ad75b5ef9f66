"""Data sets of several files: folders that `datasets` saved, and repositories of the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Sequence, Value

from harness.config import trial_config
from harness.entry import compose
from harness.errors import AssetError, ConfigError
from harness.tasks.data import examples

COMMIT = "0" * 40
TEXTS = {"text": Value("string"), "label": ClassLabel(names=["bad", "good"])}


def some(n: int, first: int = 0) -> Dataset:
    texts = [f"sentence {i}" for i in range(first, first + n)]
    return Dataset.from_dict({"text": texts, "label": [i % 2 for i in range(n)]}, Features(TEXTS))


def saved(path: Path, *overrides: str) -> Any:
    return trial_config(compose(["task=dataset", f"task.path={path}", *overrides])).task


def test_a_saved_data_set_is_split_by_hash_and_says_its_classes(tmp_path: Path) -> None:
    some(60).save_to_disk(tmp_path / "set")
    task = saved(tmp_path / "set")
    found = examples(task)
    assert (task.kind, task.files, found.labels) == ("classification", {}, ("bad", "good"))
    assert [len(found.train), len(found.validation), len(found.test)] == [46, 6, 8]


def test_saved_official_splits_stay(tmp_path: Path) -> None:
    splits = {"train": some(60), "test": some(20, 50), "unsupervised": some(5, 100)}
    DatasetDict(splits).save_to_disk(tmp_path / "sets")
    task = saved(tmp_path / "sets")
    found = examples(task)
    assert task.files == {"train": "train", "test": "test"}
    assert set(found.test["text"]) == {f"sentence {i}" for i in range(50, 70)}
    assert found.counts["in_other_split"] == 10
    assert len(found.train) + len(found.validation) == 50


def test_splits_of_other_names_are_asked_for(tmp_path: Path) -> None:
    DatasetDict({"all": some(60), "dev": some(20, 60)}).save_to_disk(tmp_path / "sets")
    with pytest.raises(ConfigError, match=r"no split train among all, dev; task\.files="):
        saved(tmp_path / "sets")
    task = saved(tmp_path / "sets", "task.files={train: all, test: dev}")
    assert len(examples(task).test) == 20
    with pytest.raises(ConfigError, match=r"^task\.format=dataset: .* cannot be read as that"):
        saved(tmp_path)


def test_saved_tags_have_their_names(tmp_path: Path) -> None:
    tags = Sequence(ClassLabel(names=["O", "B-PER"]))
    rows = {"words": [["Anna", f"went{i}"] for i in range(60)], "tags": [[1, 0]] * 60}
    features = Features({"words": Sequence(Value("string")), "tags": tags})
    Dataset.from_dict(rows, features).save_to_disk(tmp_path / "set")
    task = saved(tmp_path / "set", "task.text=words", "task.label=tags")
    assert (task.kind, task.metric) == ("tokens", "entity_f1")
    assert examples(task).labels == ("B-PER", "O")


def write(folder: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        rows = (
            {"text": f"sentence {100 * number + i}", "label": "ab"[i % 2], "n": i}
            for i in range(60)
        )
        (folder / name).write_text("\n".join(map(json.dumps, rows)))


def hub(*overrides: str) -> Any:
    asked = ["task=hub", "task.repo=org/reviews", f"task.revision={COMMIT}"]
    return trial_config(compose([*asked, *overrides])).task


@pytest.mark.parametrize(
    ("names", "files", "tested"),
    [
        (["train.jsonl", "test.jsonl"], {"train": "train.jsonl", "test": "test.jsonl"}, 60),
        (
            [f"data/{split}-0000{i}-of-00002.jsonl" for split in ("train", "test") for i in (0, 1)],
            {"train": "data/train-*.jsonl", "test": "data/test-*.jsonl"},
            120,
        ),
        (["reviews.jsonl"], {}, 8),
    ],
)
def test_files_of_a_repository_are_its_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], files: Any, tested: int
) -> None:
    write(tmp_path / "snapshot", names)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("harness.assets.hub.snapshot", lambda source: tmp_path / "snapshot")
    task = hub()
    assert (task.name, task.format, task.files) == ("reviews", "jsonl", files)
    assert len(examples(task).test) == tested


def test_a_repository_of_other_names_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "snapshot", ["a.jsonl", "b.jsonl"])
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("harness.assets.hub.snapshot", lambda source: tmp_path / "snapshot")
    with pytest.raises(ConfigError, match=r"give task\.files=.*; there are a\.jsonl, b\.jsonl$"):
        hub()
    task = hub("task.files={train: a.jsonl, test: b.jsonl}")
    assert (task.format, len(examples(task).test)) == ("jsonl", 60)


def test_without_a_network_the_line_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(AssetError, match=r"not had from the hub: .*use task=csv task\.path="):
        hub()
    with pytest.raises(ConfigError, match=r"^task\.revision=main: its commit cannot be asked for"):
        hub("task.revision=main")
