"""What plans say of the scenarios that records cannot answer.

`python -m harness.plan.scenarios` writes the answers that ship with the scenarios anew; the report
reads those, since a plan takes seconds and libraries that a report does without.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.analysis.scenario import PLANS, shipped, wanted_plans
from harness.entry import compose
from harness.plan import table
from harness.plan.answer import Answer
from harness.plan.request import request_of
from harness.store import write_json

KEPT = (
    "model", "method", "size", "batch_size", "seq_len",
    "trainable_parameters", "total_parameters", "adapter_file_bytes",
    "train_peak_bytes", "inference_peak_bytes",
)  # fmt: skip


def planned(lines: Sequence[str]) -> dict[str, Answer]:
    """By the overrides of `harness.plan` that each line holds, as many at once as there are cores.

    A plan that fails gives {"error": reason}; raises ConfigError for wrong overrides.
    """
    requests = [request_of(compose(line.split(), "plan")) for line in lines]
    with TemporaryDirectory() as folder:
        found = table.answers(requests, Path(folder) / "log.txt")
    return {
        line: {key: each[key] for key in KEPT} if "error" not in each else each
        for line, each in zip(lines, found, strict=True)
    }


def main() -> int:
    found = planned(wanted_plans(shipped()))
    failed = {line: each["error"] for line, each in found.items() if "error" in each}
    for line, reason in failed.items():
        print(f"error: {line}: {reason}", file=sys.stderr)
    if not failed:
        write_json(PLANS, found)
        print(f"{len(found)} plans: {PLANS}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
