"""The page on own data, methods and models is done from an empty folder, as a reader would."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.store import read_json
from tests.own_model import write_model

PAGE = Path(__file__).parents[1] / "docs" / "own.md"


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    assert found
    return found


def write_files(folder: Path) -> None:
    """Each block of code as the file that its first line names."""
    for block in blocks("python") + blocks("yaml"):
        place = folder / block.splitlines()[0].removeprefix("# ")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(block)


def test_a_method_of_ones_own_is_ten_lines_of_python() -> None:
    method = next(block for block in blocks("python") if block.startswith("# my_methods.py"))
    assert len([line for line in method.splitlines()[1:] if line.strip()]) == 9


@pytest.mark.network
@pytest.mark.slow
def test_what_the_page_says_runs_from_an_empty_folder(tmp_path: Path) -> None:
    write_files(tmp_path)
    write_model(tmp_path / "my_model", "llama")
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    records = []
    for line in lines:
        name, *arguments = shlex.split(line)
        assert name == "python"
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr + done.stdout
        if arguments[1:2] == ["harness"]:
            said = done.stdout.splitlines()
            assert said[0].startswith("reviews.csv: stars has 3 different numbers in 300 rows")
            assert said[1].startswith("reviews.csv: 300 rows; 3 classes (33% '1'); train 225, ")
            trials = json.loads(said[-1])["trials"]
            records += [read_json(tmp_path / trial["record"]) for trial in trials]
    found = [(r["model"], r["task"], r["method"], r["size"]) for r in records if r]
    assert found == [
        ("bert_tiny", "reviews", "lora", 8),
        ("bert_tiny", "reviews", "output_lora", 3),
        ("bert_tiny", "reviews", "output_lora", 3),
        ("bert_tiny", "reviews", "bitfit", None),
        ("my_model", "reviews", "lora", 8),
    ]
    data = records[0]["data"]
    assert (data["rows"], data["train"], data["validation"], data["test"]) == (300, 225, 30, 45)
    assert data["per_class"][0] == {"label": "1", "train": 75, "validation": 10, "test": 15}
    assert (tmp_path / "reports" / "index.html").is_file()
