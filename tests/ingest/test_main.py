"""`python -m harness.ingest`, as a user sees it."""

from __future__ import annotations

import json
import subprocess
import sys

from harness import entry
from harness.ingest.__main__ import command
from tests import published


def test_command_tells_what_came_of_each_file_and_ends_in_json(tmp_path, monkeypatch, capsys):
    again = published.result(run_info__created_at="2026-01-01T00:00:00+00:00")
    folder = published.write(tmp_path / "json", {"a.json": published.result(), "again.json": again})
    results = tmp_path / "results"
    arguments = ["ingest", f"folder={folder}", f"results={results}"]
    monkeypatch.setattr(sys, "argv", arguments)
    assert entry.run(command, "ingest") == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "records: 1 ok; superseded: 1; refused: 0"
    assert told[1].startswith(f"superseded: {published.LORA} of 2025-06-19")
    (record,) = json.loads(told[-1])["records"]
    assert record["status"] == "ok"
    assert record["record"] == str(results / record["trial"] / "record.json")

    (folder / "bad.json").write_text("{")
    monkeypatch.setattr(sys, "argv", arguments)
    assert entry.run(command, "ingest") == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("refused: bad.json: content: is not JSON")
    assert [one["file"] for one in json.loads(captured.out.splitlines()[-1])["refused"]] == [
        "bad.json"
    ]


def test_missing_folder_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ingest"])
    assert entry.run(command, "ingest") == 1
    assert capsys.readouterr().err == "error: folder=None: must be a folder of published results\n"


def test_reading_needs_neither_torch_nor_peft():
    program = (
        "import sys, harness.ingest.__main__; sys.exit(len({'torch', 'peft'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
