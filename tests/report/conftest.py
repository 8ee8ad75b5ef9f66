from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.analysis.study import studies
from harness.report import build
from harness.report.subject import Subject
from harness.store import load
from tests import further, records

MakeSubject = Callable[[list[dict]], Subject]
HOSTILE = "<script>alert(1)</script>$x_1$%{x}&amp;\u2028"


@pytest.fixture
def make_subject(tmp_path: Path) -> MakeSubject:
    """The only study of some records that were written to disk."""

    def make(made: list[dict]) -> Subject:
        (study,) = studies(load(records.write(tmp_path / "results", made)))
        return Subject(study)

    return make


@pytest.fixture(scope="session")
def sweep_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a quick sweep with everything measured and its memory predicted, a failure, a
    trial that was skipped, and a method whose name and reasons are an attack.
    """
    folder = tmp_path_factory.mktemp("page")
    hostile = further.measured(records.record(HOSTILE, 8, family=HOSTILE))
    for group in ("serving", "energy"):
        hostile[group]["reason"] = HOSTILE
    hostile["forgetting"] |= {"objective": HOSTILE, "texts": HOSTILE}
    hostile["environment"] |= {"busy": True, "phases": {HOSTILE: {"busy": True}}}
    hostile["memory"]["unpredicted"] = HOSTILE
    quick = [further.measured(row) for row in records.quick()]
    made = [
        *(records.predicted(row, 0.92 + 0.01 * n, 1.03) for n, row in enumerate(quick)),
        hostile,
        records.failed("diverged", reason=HOSTILE, method="lora", size=512),
        records.skipped(method="lora", size=4096),
    ]
    return build(records.write(folder / "results", made), folder / "reports" / "index.html")
