"""Files as people keep them: formats, encodings, and what is wrong with them in one line."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from harness.errors import ConfigError
from harness.tasks.data import check, examples
from tests.tasks.conftest import MakeTask, assert_refused, reviews

COLUMNS = ["text", "label", "film"]


def write_csv(path: Path, **options: str) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **options).writerows([COLUMNS, *reviews()])


def write_jsonl(path: Path) -> None:
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in reviews()]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n", encoding="utf-8")


def write_parquet(path: Path) -> None:
    pd.DataFrame(reviews(), columns=COLUMNS).to_parquet(path)


def write_folders(path: Path) -> None:
    for number, (text, label, _) in enumerate(reviews()):
        (path / label).mkdir(parents=True, exist_ok=True)
        (path / label / f"{number}.txt").write_text(text, encoding="utf-8")


def write_gzip(path: Path) -> None:
    write_csv(path)
    path.write_bytes(gzip.compress(path.read_bytes()))


def write_bzip2(path: Path) -> None:
    write_jsonl(path)
    path.write_bytes(bz2.compress(path.read_bytes()))


def write_with_mark(path: Path) -> None:
    write_csv(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


@pytest.mark.parametrize(
    ("format", "name", "write"),
    [
        ("tsv", "data.tsv", lambda path: write_csv(path, delimiter="\t")),
        ("jsonl", "data.jsonl", write_jsonl),
        ("parquet", "data.parquet", write_parquet),
        ("folders", "data", write_folders),
        ("csv", "data.csv.gz", write_gzip),
        ("jsonl", "data.jsonl.bz2", write_bzip2),
        ("csv", "marked.csv", write_with_mark),
    ],
)
def test_every_format_gives_the_same_examples(
    task_of: MakeTask, tmp_path: Path, format: str, name: str, write: object
) -> None:
    expected = examples(task_of(reviews()))
    assert callable(write)
    write(tmp_path / name)
    found = examples(task_of(tmp_path / name, format=format))
    assert len(found.train) + len(found.validation) + len(found.test) == 60
    for split in ("train", "validation", "test"):
        pd.testing.assert_frame_equal(getattr(found, split), getattr(expected, split))


def test_cells_of_other_types_become_text(task_of: MakeTask, tmp_path: Path) -> None:
    labels = [True, False, 1, None, 2.5]
    rows = [{"text": f"sentence {i}", "label": labels[i % 5]} for i in range(100)]
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = examples(task_of(path, format="jsonl"))
    assert found.labels == ("1", "2.5", "false", "true")
    assert found.counts["no_label"] == 20


def test_words_for_nothing_are_labels_like_any_other(task_of: MakeTask) -> None:
    rows = [[f"sentence {i}", ("NA", "null")[i % 2], ""] for i in range(60)]
    assert examples(task_of(rows)).labels == ("NA", "null")


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"text": "txt"}, "task.text=txt: no such column in data.csv; did you mean text?"),
        ({"label": "stars"}, "task.label=stars: no such column in data.csv; "),
        ({"group": "movie"}, "task.group=movie: no such column in data.csv; "),
        (
            {"drop": {"fil": ["x"]}},
            "task.drop.fil=fil: no such column in data.csv; did you mean film?",
        ),
        ({"label": "text"}, "task.label=text: is the column of the text"),
        ({"encoding": "utf-9"}, "task.encoding=utf-9: is no known encoding of text"),
        ({"format": "jsonl"}, "task.format=jsonl: "),
        ({"format": "parquet"}, "task.format=parquet: "),
        ({"format": "folders"}, "task.format=folders: needs a folder, and "),
    ],
)
def test_a_wrong_field_is_named(task_of: MakeTask, fields: dict[str, object], line: str) -> None:
    assert_refused(task_of, reviews(), line, **fields)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "task.text=text: no such column in data.csv; the file is empty"),
        (b"text,label\n", "task.source="),
        (b"text,label,label\na,b,c\n", "task.label=label: names two columns of data.csv"),
        (b"text,label\ncaf\xe9,good\n", "task.encoding=utf-8: data.csv holds the byte 0xe9, "),
        (b"text,label\nso, so,good\n", "task.format=csv: "),
        (b'text,label\nnever closed,"good\nfine,bad\n', "task.format=csv: "),
    ],
)
def test_a_wrong_file_is_said_in_one_line(
    task_of: MakeTask, tmp_path: Path, content: bytes, line: str
) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    assert_refused(task_of, path, line)


def test_the_line_of_a_torn_row_is_said(task_of: MakeTask, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("text,label\nfine,good\nso, so,good\n")
    with pytest.raises(ConfigError, match="line 3 has 3 cells, the header 2"):
        check(task_of(path))


def test_the_line_of_broken_json_is_said(task_of: MakeTask, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"text": "a", "label": "b"}\n{"text": }\n')
    with pytest.raises(ConfigError, match="line 2: Expecting value"):
        check(task_of(path, format="jsonl"))


def test_a_nested_text_is_refused(task_of: MakeTask, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"text": ["a"], "label": "b"}\n')
    with pytest.raises(ConfigError, match=r"^task\.source=text: row 0 holds a list, not a text"):
        check(task_of(path, format="jsonl"))


def test_a_text_file_in_another_encoding_is_named(task_of: MakeTask, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_folders(folder)
    (folder / "good" / "1.txt").write_bytes(b"caf\xe9")
    with pytest.raises(ConfigError, match=r"good/1\.txt holds the byte 0xe9"):
        check(task_of(folder, format="folders"))
    left_out = {"file": ["good/1.txt"]}
    assert examples(task_of(folder, format="folders", drop=left_out)).counts["dropped"] == 1


def test_another_encoding_can_be_named(task_of: MakeTask, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    rows = "".join(f"café {i},{'bad' if i % 2 else 'good'}\n" for i in range(60))
    path.write_bytes(("text,label\n" + rows).encode("latin-1"))
    train = examples(task_of(path, encoding="latin-1")).train
    assert train["text"].str.startswith("café").all()


def test_a_missing_file_of_an_asset_is_named(task_of: MakeTask, tmp_path: Path) -> None:
    assert_refused(task_of, tmp_path, "task.file=nowhere.csv: no such file", file="nowhere.csv")


@pytest.mark.parametrize("file", ["../other.csv", "/etc/passwd", "a/../../other.csv"])
def test_file_outside_of_the_source_is_refused(
    task_of: MakeTask, tmp_path: Path, file: str
) -> None:
    assert_refused(task_of, tmp_path, f"task.file={file}: leads out of", file=file)
    assert_refused(task_of, tmp_path, "task.format=csv: needs a file, and ")
    assert_refused(task_of, tmp_path, "task.format=folders: ", format="folders")
    assert_refused(task_of, tmp_path / "gone.csv", "task.source.path=")
