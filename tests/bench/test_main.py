from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from harness.bench import __main__ as bench


def parts(**holds: bool):
    """Stand-ins for the modules of the parts."""

    def load(name: str) -> SimpleNamespace:
        part = name.rsplit(".", 1)[-1]
        return SimpleNamespace(
            run=lambda: {"holds": holds[part]}, lines=lambda result: [f"{part} told"]
        )

    return load


def test_the_last_line_is_one_json_object_of_the_parts_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "import_module", parts(timing=True, sweep=True))
    assert bench.main(["timing", "sweep"]) == 0
    told = capsys.readouterr().out
    assert "timing told" in told
    found = json.loads(told.splitlines()[-1])
    assert list(found["parts"]) == ["timing", "sweep"]
    assert found["holds"] is True


def test_one_part_that_fails_fails_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        bench,
        "import_module",
        parts(
            timing=True,
            startup=False,
            overhead=True,
            plan=True,
            sweep=True,
            crowd=True,
            report=True,
        ),
    )
    assert bench.main([]) == 1


def test_an_unknown_part_is_named_with_those_that_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        bench.main(["latency"])
    assert "latency: is no part; expected of timing, startup" in capsys.readouterr().err
