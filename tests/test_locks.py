"""What is installed is what was locked: every version is exact, and nothing is left out."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# What pip freeze leaves out: it is the environment's own, and torch names it for compiling.
UNFROZEN = {"setuptools"}
LOCK, DEV = "requirements.lock", "requirements-dev.lock"


def lines(name: str) -> list[str]:
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


def pinned(*names: str) -> dict[str, str]:
    """Versions by package."""
    pins = [line.split("==") for name in names for line in lines(name) if line[0] != "-"]
    assert len({canonicalize_name(name) for name, _ in pins}) == len(pins)
    return {canonicalize_name(name): version for name, version in pins}


@pytest.mark.parametrize("name", [LOCK, DEV])
def test_every_line_of_a_lock_is_one_exact_version(name):
    exact = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+]*")
    assert lines(DEV)[0] == f"-r {LOCK}"
    assert [line for line in lines(name)[name == DEV :] if not exact.fullmatch(line)] == []


def test_everything_that_is_declared_is_locked_at_a_version_that_it_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    for locked, declared in (
        (pinned(LOCK), project["project"]["dependencies"] + extras["quant"] + extras["onnx"]),
        (pinned(LOCK, DEV), extras["dev"] + project["build-system"]["requires"]),
    ):
        for text in declared:
            wanted = Requirement(text)
            assert wanted.specifier.contains(locked[canonicalize_name(wanted.name)]), text


def test_everything_that_a_locked_package_needs_is_locked():
    """As the installed ones declare it on this machine."""
    locked = pinned(LOCK, DEV)
    seen = 0
    for package in locked:
        try:
            needs = [Requirement(text) for text in requires(package) or ()]
        except PackageNotFoundError:  # of a lock that is newer than this environment
            continue
        seen += 1
        for wanted in needs:
            name = canonicalize_name(wanted.name)
            # torch for a GPU names the exact versions of its libraries itself.
            exact = {each.operator for each in wanted.specifier} == {"=="}
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                assert name in locked or name in UNFROZEN or exact, f"{package} needs {wanted}"
    assert seen > len(locked) / 2
