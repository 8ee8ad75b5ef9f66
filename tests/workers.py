"""What a worker of pytest-xdist has to itself: cores, and a folder for temporary files.

With the folder come locks on devices of its own; on cores of its own nothing that is timed or
counted is disturbed by another worker, nor do threads wait for each other.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Set
from multiprocessing import forkserver, util

import pytest

WORKER = os.environ.get("PYTEST_XDIST_WORKER")
"""gw0, gw1, …; None where pytest itself runs the tests."""


def begin() -> None:
    """Settle in, before torch is imported and anything lies in a folder for temporary files."""
    if WORKER is None:
        return
    os.environ["OMP_NUM_THREADS"] = str(len(_own(os.sched_getaffinity(0))))
    tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix=f"{WORKER}-")
    # After multiprocessing, which has a folder in it, and removes that with a priority of -100.
    util.Finalize(None, shutil.rmtree, [tempfile.tempdir], {"ignore_errors": True}, -200)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> object:
    """Only the worker's own cores for the test, unless it is marked as one that needs several."""
    if WORKER is None or item.get_closest_marker("cores"):
        return (yield)
    every = os.sched_getaffinity(0)
    _keep_to(_own(every))
    try:
        return (yield)
    finally:
        _keep_to(every)


def _own(cores: Set[int]) -> Set[int]:
    """Those of this worker, of all that pytest may use; where they do not suffice, shared ones."""
    number, count = int(WORKER[2:]), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    return set(sorted(cores)[number % len(cores) :: count])


def _keep_to(cores: Set[int]) -> None:
    """This process and all that it starts from now on, through its fork server too."""
    server = forkserver._forkserver._forkserver_pid
    for process in (0, server) if server else (0,):
        os.sched_setaffinity(process, cores)
