"""kill -9 while weights are fetched into the cache: they are there whole, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
import zipfile
from dataclasses import asdict
from pathlib import Path
from random import Random

from harness.assets.source import Source
from tests.faults.round import Round
from tests.faults.study import ROOT

FETCH = """
import json, sys
from harness.assets import fetch
from harness.assets.source import Source
print(fetch(Source(**json.loads(sys.argv[1]))))
"""
FILES = 200
BYTES = 200_000


def half_downloaded(folder: Path, blows: int, chance: Random) -> Round:
    index = folder / "index"
    index.mkdir()
    source, digests = _packaged(index)
    found = Round()
    for _ in range(blows):
        cache = folder / f"cache-{found.tried}"
        process = _fetch(source, index, cache)
        while not any(cache.glob("**/*.part/**/*.txt")) and process.poll() is None:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.3))
        process.kill()
        process.communicate()
        half = sum(1 for _ in cache.glob("**/*.txt"))
        out, err = _fetch(source, index, cache).communicate(timeout=300)
        files = {path.name: path for path in Path(out.strip()).glob("*.txt")}
        if {name: _digest(path) for name, path in files.items()} != digests:
            found.lost.append(f"{len(files)} of {len(digests)} files, or others; {err[-300:]}")
        found.expect(not [*cache.glob("**/*.part")], "an unfinished folder was left")
        found.tried += 1
        how = "at the end" if half >= FILES else "in between" if half else "at the start"
        found.endings[how] = found.endings.get(how, 0) + 1
    return found


def _packaged(index: Path) -> tuple[Source, dict[str, str]]:
    """A wheel of many files on an index of one folder; the digests of its files."""
    wheel = index / "toy-1.0-py3-none-any.whl"
    digests = {}
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "toy-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n"
        )
        archive.writestr("toy-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("toy-1.0.dist-info/RECORD", "")
        for number in range(FILES):
            content = Random(number).randbytes(BYTES)
            archive.writestr(f"toy/{number}.txt", content)
            digests[f"{number}.txt"] = hashlib.sha256(content).hexdigest()
    return Source("package", "toy", "1.0", _digest(wheel), members=("toy/*",), root="toy"), digests


def _fetch(source: Source, index: Path, cache: Path) -> subprocess.Popen[str]:
    own = {
        "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_CONFIG_FILE": os.devnull,
        "HARNESS_CACHE": str(cache),
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, json.dumps(asdict(source))],
        cwd=ROOT, env={**os.environ, **own}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
