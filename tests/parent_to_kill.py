"""A parent that waits for a task which never ends; run as a script."""

import sys
from pathlib import Path

from harness.isolation import Processes, Task

if __name__ == "__main__":
    folder, function = Path(sys.argv[1]), sys.argv[2]
    processes = Processes(threads=1)
    arguments = {"path": str(folder / "pid")}
    call = f"tests.isolated_calls:{function}"
    processes.start(Task("k", call, arguments, folder / "log", 1, timeout=600))
    processes.wait()
