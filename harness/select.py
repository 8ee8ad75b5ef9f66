"""`python -m harness.select`: the method that keeps to the constraints.

Only a command, which nothing imports: from Python `harness.select` is the function, and an import
of this module would take its place.
"""

from __future__ import annotations

import sys

from harness import entry
from harness.selecting import command

if __name__ == "__main__":
    sys.exit(entry.run(command, "select"))
