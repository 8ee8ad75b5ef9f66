from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.analysis.study import studies
from harness.errors import Unreadable
from harness.report import build
from harness.report.subject import Subject
from harness.store import load
from tests import further, records

MakeSubject = Callable[[list[dict]], Subject]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
LAPTOP = {"width": 1280, "height": 800}
DRAWN = "html[data-plots=drawn]"
HOSTILE = "<script>alert(1)</script>$x_1$%{x}&amp;\u2028"
HOSTILE_FOLDER = "<img src=x onerror=alert(1)>"


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
    trial that was skipped, a method whose name and reasons are an attack, and a corrupt record
    whose folder and trial are.
    """
    folder = tmp_path_factory.mktemp("page")
    hostile = further.measured(records.record(HOSTILE, 8, family=HOSTILE))
    for group in ("serving", "energy"):
        hostile[group]["reason"] = HOSTILE
    hostile["forgetting"] |= {"objective": HOSTILE}
    hostile["environment"] |= {"busy": True, "phases": {HOSTILE: {"busy": True}}}
    hostile["environment"]["elsewhere"] = [{"phases": [HOSTILE], "cpu": HOSTILE, "torch": HOSTILE}]
    hostile["memory"]["unpredicted"] = HOSTILE
    quick = [further.measured(row) for row in records.quick()]
    made = [
        *(records.predicted(row, 0.92 + 0.01 * n, 1.03) for n, row in enumerate(quick)),
        hostile,
        records.failed("diverged", reason=HOSTILE, method="lora", size=512),
        records.skipped(method="lora", size=4096),
    ]
    results = records.write(folder / "results", made)
    (results / HOSTILE_FOLDER).mkdir()
    (results / HOSTILE_FOLDER / "record.json").write_text(json.dumps(hostile | {"trial": HOSTILE}))
    with pytest.warns(Unreadable):
        return build(results, folder / "reports" / "index.html")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium on the path; name one in the variable CHROMIUM")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@contextmanager
def opened(browser: Any, path: Path, ready: str = DRAWN, **options: Any) -> Iterator[Any]:
    """The page when `ready` is in it; fails on a complaint or a request that leaves the page."""
    context = browser.new_context(**({"viewport": LAPTOP} | options))
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type != "log" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append("a dialog") or dialog.dismiss())
    page.on("request", lambda r: complaints.append(r.url) if r.url != path.as_uri() else None)
    page.goto(path.as_uri())
    if options.get("java_script_enabled", True):
        page.wait_for_selector(ready, timeout=60_000)
    yield page
    context.close()
    assert complaints == []
