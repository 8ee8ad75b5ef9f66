from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.measure.environment import _checkout, environment


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package in a checkout of its own."""
    package = tmp_path / "checkout" / "harness"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    git(package.parent, "init", "-q")
    git(package, "add", ".")
    git(package, "commit", "-q", "-m", "first")
    return package


def test_a_clean_checkout_gives_its_commit(package: Path) -> None:
    (package.parent / "results.json").touch()  # what lies beside the package is no code of it
    assert _checkout(package) == {"commit": git(package, "rev-parse", "HEAD"), "dirty": False}


def test_a_changed_or_an_added_file_makes_it_dirty(package: Path) -> None:
    (package / "new.py").touch()
    assert _checkout(package)["dirty"] is True
    (package / "new.py").unlink()
    (package / "__init__.py").write_text("changed = True")
    assert _checkout(package)["dirty"] is True


def test_an_installed_package_has_no_commit_even_inside_a_repository(package: Path) -> None:
    installed = package.parent / ".venv" / "site-packages" / "harness"
    installed.mkdir(parents=True)
    (installed / "__init__.py").touch()
    assert _checkout(installed) == {"commit": None, "dirty": None}


def test_without_git_there_is_no_commit(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert _checkout(package) == {"commit": None, "dirty": None}


def test_it_is_found_without_importing_torch() -> None:
    code = (
        "import sys; from harness.measure.environment import environment;"
        "found = environment(); assert 'torch' not in sys.modules;"
        "assert found['torch'] and found['threads'] is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_versions_and_threads_are_those_of_the_libraries() -> None:
    import peft
    import torch
    import transformers

    found = environment(gpu="a GPU")
    assert found["torch"] == torch.__version__
    assert found["transformers"] == transformers.__version__
    assert found["peft"] == peft.__version__
    assert found["threads"] == torch.get_num_threads()
    assert found["gpu"] == "a GPU"
    assert found["started"].endswith("Z")
    assert json.loads(json.dumps(found)) == found
