"""What cannot be used is refused in one line, and the page on own data shows that line."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from omegaconf import DictConfig

from harness.config import trial_config
from harness.entry import compose
from harness.errors import ConfigError
from harness.tasks.data import check
from tests.tasks.refused import GOOD, REFUSED, Refused

PAGE = Path(__file__).parents[2] / "docs" / "own_data.md"


def told(*overrides: str) -> list[str]:
    """What the front door says of the data."""
    return check(trial_config(composed(*overrides)).task)


@cache
def composed(*overrides: str) -> DictConfig:
    return compose(overrides)


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.what)
def test_it_is_refused_in_one_line(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if refused.content is not None:
        content = refused.content
        raw = content.encode() if isinstance(content, str) else content
        (tmp_path / refused.name).write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        told(f"task={refused.task}", f"task.path={refused.name}", *refused.overrides)
    assert str(caught.value) == refused.told.replace("FOLDER", str(tmp_path))


def test_the_page_lists_every_refusal_with_its_line() -> None:
    section = PAGE.read_text("utf-8").partition("## What is refused")[2]
    rows = re.findall(r"^\| (.+) \| `(.+)` \|$", section, re.MULTILINE)
    assert rows == [(refused.what, refused.told) for refused in REFUSED]


def test_what_the_user_may_not_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my.csv").write_text(GOOD)
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may read everything
    with pytest.raises(ConfigError, match=r"my\.csv: may not be read by this user$"):
        told("task=csv", f"task.path={tmp_path}/my.csv")


@pytest.mark.parametrize("kind", ["null", "classification"])
def test_a_folder_in_place_of_a_file_is_said(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ConfigError, match=r"^task\.format=csv: needs a file, and .* is a folder$"):
        told("task=csv", f"task.path={tmp_path}", f"task.kind={kind}")


@pytest.mark.parametrize(
    ("content", "overrides"),
    [
        (GOOD.replace(",", ";"), ("task.separator=';'",)),
        (GOOD.replace(",", "\t"), ("task.format=tsv",)),
        (GOOD.encode("utf-16"), ("task.encoding=utf-16",)),
        (GOOD.encode("utf-8-sig"), ()),
        (GOOD + "x" * 1_000_000 + ",good\n", ()),
        (GOOD.replace("sentence", "😀 שלום"), ()),
        (GOOD + "rare one,odd\n", ("task.drop={label: ['odd']}",)),
    ],
    ids=["separator", "tabs", "utf-16", "byte order mark", "long", "emoji", "dropped"],
)
def test_what_the_line_proposes_works(
    tmp_path: Path, content: str | bytes, overrides: tuple[str, ...]
) -> None:
    raw = content.encode() if isinstance(content, str) else content
    (tmp_path / "my.csv").write_bytes(raw)
    line = told("task=csv", f"task.path={tmp_path}/my.csv", *overrides)[0]
    assert line.startswith("my.csv: 6")
    assert "2 classes" in line
