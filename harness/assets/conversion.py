"""Models in other formats than that of transformers, converted once."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import harness
from harness.assets.cache import Pin
from harness.errors import AssetError
from harness.extras import require_onnx

if TYPE_CHECKING:
    from harness.assets.source import Source

log = logging.getLogger(__name__)

# Raise the number of a conversion that gives other files than before.
VERSIONS = {"gguf": 1, "onnx_t5": 1}


def pinned(source: Source, published: str) -> Pin:
    """The pin of the converted source; `published` is the digest of what is converted."""
    assert source.convert
    name = source.package or source.repo or Path(str(source.path)).stem
    facts = (published, source.root, source.architecture, source.convert, VERSIONS[source.convert])
    return Pin(f"{name}-{source.convert}", facts)


def convert(source: Source, field: str, files: Path, folder: Path) -> Path:
    """The converted model inside `folder`, of `files` as they are published.

    In a process of its own: the caller's has not imported what it takes. Raises AssetError for
    files that cannot be converted, ConfigError where a library is missing.
    """
    if source.convert == "onnx_t5":
        require_onnx(f"{field}.convert", source.convert)
    made = folder / "model"
    log.info("converting %s into safetensors", files)
    given = [str(source.convert), str(files.absolute()), str(made), json.dumps(source.architecture)]
    done = subprocess.run(
        [sys.executable, "-m", "harness.conversion", *given],
        cwd=Path(harness.__file__).parents[1],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        told = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise AssetError(f"{files}: cannot be converted from {source.convert}: {told[-1]}")
    return made
