"""A parent that waits for a task which never ends; run as a script."""

import sys
from pathlib import Path

from harness.isolation import Processes, Task

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    processes = Processes(threads=1)
    arguments = {"path": str(folder / "pid")}
    processes.start(
        Task("k", "tests.isolated_calls:leave_pid", arguments, folder / "log", 1, timeout=600)
    )
    processes.wait()
