"""What a trial leaves is whole and finite, or it is not there."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from torch import nn

from harness.isolation import Failure
from harness.workbench import HEAD, WEIGHTS, Workbench

ADAPTER = "adapter.safetensors"


@pytest.fixture
def save(tmp_path, trial_of):
    """Save weights whose adapter has this text, in place of tensors; None dies half way."""

    def written(text: str | None) -> None:
        bench = Workbench(trial_of("sweep=smoke", "method=bitfit"), tmp_path)

        def adapter(backbone: object, folder: Path) -> None:
            (folder / ADAPTER).write_text(text or "torn")
            if text is None:
                raise KeyboardInterrupt

        bench.method = SimpleNamespace(save=adapter)  # type: ignore[assignment]
        bench.save(SimpleNamespace(backbone=None, head=nn.Linear(1, 1)))  # type: ignore[arg-type]

    return written


def test_weights_take_the_place_of_those_of_a_training_that_was_lost(save, tmp_path):
    for text in ("first", "second"):
        save(text)
        assert os.listdir(tmp_path) == [WEIGHTS]
        assert sorted(os.listdir(tmp_path / WEIGHTS)) == [ADAPTER, HEAD]
        assert (tmp_path / WEIGHTS / ADAPTER).read_text() == text


def test_process_that_dies_while_it_saves_leaves_no_torn_weights(save, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        save(None)
    assert not (tmp_path / WEIGHTS).exists()
    save("whole")
    with pytest.raises(KeyboardInterrupt):
        save(None)
    assert (tmp_path / WEIGHTS / ADAPTER).read_text() == "whole"


def test_answers_that_are_not_finite_are_no_quality(monkeypatch):
    monkeypatch.setattr(Workbench, "run", lambda self, call, split: [1, None, None])
    bench = Workbench.__new__(Workbench)
    expected = "the answers to 2 of 3 test examples are not finite"
    with pytest.raises(Failure, match=expected) as failure:
        bench.score(nn.Linear(1, 1), "test")  # type: ignore[arg-type]
    assert failure.value.status == "diverged"
