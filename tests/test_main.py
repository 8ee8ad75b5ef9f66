"""The commands as people type them, right and wrong, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CSV = "text,label\n" + "\n".join(
    f"sample {i} {'good' if i % 2 else 'bad'},{i % 2}" for i in range(80)
)


@pytest.fixture
def harness(tmp_path: Path):
    """Run a command in an empty folder."""

    def call(*arguments: str, module: str = "harness") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    return call


@pytest.mark.network
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("method=lorra", "method=lorra: did you mean lora"),
        ("size=0", "size=0: must be a whole number of at least 1"),
        ("task=csv task.path=absent.csv", "task.source.path=absent.csv: no such file or folder"),
        ("task=csv task.path=data.csv task.text=txt", "task.text=txt: no such column in data.csv; "
         "did you mean text"),
        ("task=csv task.path=data.csv task.label=stars", "task.label=stars: no such column"),
        ("results=data.csv/results", "results=data.csv"),
        ("model.source.sha256=0", "sha256"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line_and_exit_code_1(harness, tmp_path, arguments, message):
    (tmp_path / "data.csv").write_text(CSV)
    done = harness("model=bert_tiny", *arguments.split())
    assert done.returncode == 1
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert "trials to run" not in done.stdout


@pytest.mark.network
@pytest.mark.slow
def test_option_that_does_not_fit_the_model_is_one_line_per_trial(harness, tmp_path):
    (tmp_path / "data.csv").write_text(CSV)
    mine = ["task=csv", "task.path=data.csv", "model=bert_tiny"]
    done = harness(*mine, "-m", "method=ia3,full", "method.rank=8")
    assert done.returncode == 1
    reasons = done.stderr.strip().splitlines()
    assert len(reasons) == 2
    assert all("method.rank=8: " in reason for reason in reasons)
    last = json.loads(done.stdout.splitlines()[-1])
    assert [trial["status"] for trial in last["trials"]] == ["failed", "failed"]


@pytest.mark.network
@pytest.mark.slow
def test_own_table_goes_from_file_to_report_and_selection(harness, tmp_path):
    (tmp_path / "data.csv").write_text(CSV)
    mine = ["task=csv", "task.path=data.csv", "model=bert_tiny", "train=smoke", "measure=smoke"]
    done = harness(*mine, "-m", "method=head,lora", "size=4")
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert {trial["status"] for trial in last["trials"]} == {"ok"}
    assert all((tmp_path / trial["record"]).is_file() for trial in last["trials"])

    assert harness(module="harness.report").returncode == 0
    page = (tmp_path / "reports" / "index.html").read_text()
    assert all(trial["trial"] in page for trial in last["trials"])

    picked = harness("needs=[merge]", module="harness.select")
    assert picked.returncode == 0
    assert set(json.loads(picked.stdout.splitlines()[-1])) >= {"pick", "ties", "ruled_out"}
    none = harness("max_train_memory=1MiB", module="harness.select")
    assert none.returncode == 1
    assert json.loads(none.stdout.splitlines()[-1])["pick"] is None
    assert "max_train_memory to " in none.stdout


@pytest.mark.parametrize("module", ["harness.report", "harness.select"])
def test_folder_without_results_is_one_line(harness, module):
    done = harness("results=absent", module=module)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: results=absent: is no folder; run a sweep first\n"


@pytest.mark.parametrize(
    "module",
    [
        "harness",
        "harness.report",
        "harness.select",
        "harness.compose",
        "harness.plan",
        "harness.ingest",
    ],
)
def test_help_needs_no_heavy_import(harness, module):
    done = harness("--help", module=module)
    assert done.returncode == 0
    assert "python -m harness" in done.stdout
