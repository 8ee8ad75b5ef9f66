from __future__ import annotations

import pytest

from harness.bench import startup


@pytest.mark.network
@pytest.mark.slow
def test_later_processes_start_sooner_than_a_fresh_interpreter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(startup, "LATER", 2)
    monkeypatch.setattr(startup, "FRESH", 1)
    found = startup.run()
    assert found["fresh_over_later"] > 1
    assert found["holds"] is (found["later_s"] <= startup.WITHIN)
    assert len(startup.lines(found)) == 3
