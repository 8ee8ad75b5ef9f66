"""What a sweep says of texts that fill what a model reads of them: no process, no model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import instant as instant_phases
from tests.instant import Instant, run


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines = capsys.readouterr().out.splitlines()
    return [line.split(" ", 1)[1] for line in lines if "beware" in line]


@pytest.fixture
def full(instant: Instant, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let every training find that this share of the texts fills the length."""

    def find(share: float | None) -> None:
        data = None if share is None else {"full": share}
        train = instant_phases.GROUPS["train"] | {"data": data}
        monkeypatch.setitem(instant_phases.GROUPS, "train", train)

    return find


def test_it_is_said_once_per_task_and_model(tmp_path: Path, full: Any, capsys: Any) -> None:
    full(0.23)
    run(tmp_path, ["bitfit", "lora", "ia3"])
    line = "of the training texts fill task.max_length=64 with bert_tiny; what comes after"
    assert told(capsys) == [f"beware: rotten_tomatoes: 23% {line} is not read"]
    run(tmp_path, ["bitfit", "lora"], "model=minilm")
    assert len(told(capsys)) == 1


@pytest.mark.parametrize("share", [0.0, 0.05, None])
def test_few_such_texts_are_not_told(
    tmp_path: Path, full: Any, capsys: Any, share: float | None
) -> None:
    full(share)
    run(tmp_path)
    assert told(capsys) == []
