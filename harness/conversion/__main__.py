"""python -m harness.conversion FORMAT FILES FOLDER ARCHITECTURE, as harness.assets calls it."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

from harness.errors import HarnessError


def main(kind: str, files: str, folder: str, architecture: str) -> int:
    converter = import_module(f"harness.conversion.{kind}")
    try:
        converter.convert(Path(files), Path(folder), json.loads(architecture))
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
