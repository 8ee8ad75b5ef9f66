from __future__ import annotations

import pytest

from harness import versions

NOW = {"torch": "2.13.0", "transformers": "5.3.0", "peft": "0.21.2", "harness": "0.1.0"}


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "current", lambda: NOW)


def record(*elsewhere: dict, **changed: str | None) -> dict:
    return {"environment": {**NOW, **changed, "elsewhere": list(elsewhere)}}


def test_a_record_of_the_installed_versions_differs_in_nothing() -> None:
    assert versions.told(record()) is None
    assert versions.told(record(commit="another")) is None, "each commit is no version"


def test_what_differs_is_told_with_what_is_installed() -> None:
    assert versions.told(record(torch="2.12.0")) == "torch 2.12.0 (now 2.13.0)"
    assert versions.told(record(torch="2.12.0", harness="0.0.9")) == (
        "torch 2.12.0 (now 2.13.0), harness 0.0.9 (now 0.1.0)"
    )


def test_versions_of_training_count_where_only_measuring_was_done_under_those_installed() -> None:
    trained = {"phases": ["train"], **NOW, "peft": "0.20.0"}
    assert versions.told(record(trained)) == "peft 0.20.0 (now 0.21.2)"
    assert versions.told(record(trained, peft="0.19.0")) == "peft 0.19.0 and 0.20.0 (now 0.21.2)"


@pytest.mark.parametrize(
    "unknown",
    [{}, {"environment": None}, {"environment": {"torch": None}}, record() | {"more": 1},
     {"environment": {**NOW, "elsewhere": None}}],
)  # fmt: skip
def test_what_a_record_does_not_say_does_not_differ(unknown: dict) -> None:
    assert versions.told(unknown) is None


def test_what_is_not_installed_does_not_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "current", lambda: {**NOW, "harness": None})
    assert versions.told(record()) is None


def test_those_installed_are_those_of_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    import peft
    import torch
    import transformers

    assert versions.current() == {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "peft": peft.__version__,
        "harness": versions.current()["harness"],
    }
