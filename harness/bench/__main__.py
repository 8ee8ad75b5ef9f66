"""`python -m harness.bench`: what the harness itself costs, and how fine it measures."""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib import import_module
from typing import Any

from harness.measure.environment import environment

PARTS = {
    "timing": "two nulls and a control: does the timing tell a real difference from noise?",
    "startup": "a trial's process against a fresh interpreter",
    "overhead": "a trial against a bare loop that does the same",
    "plan": "planned peaks of memory against real ones: every method in several shapes",
    "sweep": "a sweep of 12 short trials against a program run for each",
    "crowd": "a sweep of 10,000 trials that compute nothing: what it costs itself",
    "report": "10,000 records: how long they take to load and to become a page, and its size",
}


def main(arguments: list[str] | None = None) -> int:
    """Print a table per part and one line of JSON; 0 when every part holds what it promises."""
    epilog = "\n".join(f"{name:10}{words}" for name, words in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m harness.bench",
        description=__doc__,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all")
    asked = parser.parse_args(arguments).parts or list(PARTS)
    for name in asked:
        if name not in PARTS:
            parser.error(f"{name}: is no part; expected of {', '.join(PARTS)}")
    found: dict[str, Any] = {}
    for name in asked:
        print(f"{name}: {PARTS[name]}", flush=True)
        part, started = import_module(f"harness.bench.{name}"), time.perf_counter()
        found[name] = part.run()
        seconds = found[name]["seconds"] = time.perf_counter() - started
        print("\n".join(f"  {line}" for line in part.lines(found[name])))
        print(f"  {seconds:.0f} s\n", flush=True)
    holds = all(result["holds"] for result in found.values())
    print(json.dumps({"parts": found, "holds": holds, "environment": environment()}))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
