"""The wheel works outside the checkout."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel, unpacked as an installation would."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(unpacked: Path, empty: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=empty, env={"PYTHONPATH": str(unpacked)}, capture_output=True, text=True,
    )  # fmt: skip


def test_configs_and_templates_travel_with_the_wheel(unpacked):
    for folder, here in ((ROOT / "conf", unpacked / "harness/conf"),
                         (ROOT / "harness", unpacked / "harness")):  # fmt: skip
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert (here / path.relative_to(folder)).is_file(), path


def test_wheel_runs_in_an_empty_folder(unpacked, tmp_path):
    where = run(unpacked, tmp_path, "-c", "import harness; print(harness.__file__)")
    assert str(unpacked) in where.stdout
    done = run(unpacked, tmp_path, "-m", "harness", "--help")
    assert done.returncode == 0, done.stderr
    assert "rotten_tomatoes" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_importing_the_package_costs_no_heavy_import(unpacked, tmp_path):
    heavy = "{'torch', 'transformers', 'pandas'}"
    code = f"import sys, harness.__main__; print({heavy} & set(sys.modules))"
    assert run(unpacked, tmp_path, "-c", code).stdout.strip() == "set()"


def test_names_of_the_package_are_its_functions_whatever_was_imported_before(unpacked, tmp_path):
    code = (
        "import harness.selecting, harness.command, harness.store\n"
        "from harness import load, run_trial, select\n"
        "print(*(each.__name__ for each in (load, run_trial, select)))"
    )
    assert run(unpacked, tmp_path, "-c", code).stdout.split() == ["load", "run_trial", "select"]


def test_nothing_imports_the_command_whose_name_a_function_has():
    importing = re.compile(
        r"^\s*(from harness\.select import|import harness\.select\b(?!ing))", re.M
    )
    paths = [path for room in ("harness", "tests") for path in (ROOT / room).rglob("*.py")]
    assert [path for path in paths if importing.search(path.read_text("utf-8"))] == []
