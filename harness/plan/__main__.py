"""`python -m harness.plan`: what a method needs on a model, without weights and without a GPU."""

from __future__ import annotations

import json
import sys

from omegaconf import DictConfig

from harness import entry
from harness.plan.answer import answer, lines
from harness.plan.request import request_of


def command(cfgs: list[DictConfig]) -> int:
    """Print what is predicted, then one JSON line."""
    requests = [request_of(cfg) for cfg in cfgs]
    found = answer(requests[0])
    print("\n".join(lines(requests[0], found)))
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(entry.run(command, "plan"))
