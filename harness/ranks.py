"""A phase over several devices: a process for each, started by the phase's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import current_process
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.distributed import TCPStore

from harness.device_lock import locked
from harness.isolation import Failure, Outcome, Processes, Task
from harness.measure.device import device_for

HOST = "127.0.0.1"
# The sweep's timeout ends a phase, and its ranks with it; no sooner, however long a model loads.
PATIENCE = timedelta(days=14)
RAISED = "raised"
"""How many ranks ended with an error; with a rank behind it, which of them it was."""
GRACE = 2.0
"""Seconds in which those who lose a rank, and what ended that one, come to be known."""


def over_ranks(
    count: int, function: str, arguments: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """What `function` gives on the first of `count` ranks, each a process of its own.

    It gets its rank and the port where they meet beside the arguments. What the first one prints is
    appended to `log.txt` in the folder, the others have `log.rank1.txt` and so on. When a rank does
    not end well the others, who would wait for it, are killed; raises Failure with the status of
    the one that ended first, which may have made others raise.
    """
    current_process().daemon = False  # such may not have children; its own die with it even so
    store = TCPStore(HOST, 0, is_master=True, wait_for_workers=False)
    threads = max(1, torch.get_num_threads() // count)
    processes = Processes(threads)
    values = {}
    try:
        for rank in range(count):
            given = {**arguments, "rank": rank, "port": store.port}
            log = folder / (f"log.rank{rank}.txt" if rank else "log.txt")
            timeout = PATIENCE.total_seconds()
            processes.start(Task(str(rank), function, given, log, threads, timeout))
        while len(processes):
            outcome = processes.wait()
            if outcome.status != "ok":
                ended = [outcome]
                while len(processes) and processes.ends_within(GRACE):
                    ended.append(processes.wait())
                first = _first(ended, store)
                raise Failure(first.status, f"rank {first.key} of {count}: {first.reason}")
            values[outcome.key] = outcome.value
    finally:
        processes.stop()
    return values["0"]


def _first(ended: list[Outcome], store: TCPStore) -> Outcome:
    """Who ended before the others: one that had no time to say so, or the first that did."""

    def place(outcome: Outcome) -> int:
        said = f"{RAISED} {outcome.key}"
        return int(store.get(said)) if store.check([said]) else 0

    return min((outcome for outcome in ended if outcome.status != "ok"), key=place)


@contextmanager
def joined(rank: int, count: int, port: int, device: str) -> Iterator[None]:
    """Be one of the ranks, with a device of its own: the GPU of the rank's number, or the CPU.

    The device is held against those who measure on it.
    """
    mine = f"cuda:{rank}" if device == "cuda" else device
    if device == "cuda":
        torch.cuda.set_device(rank)
    with locked(device_for(mine).identity, alone=False, waits=lambda: print(f"waiting for {mine}")):
        store = TCPStore(HOST, port, is_master=False, timeout=PATIENCE)
        try:
            distributed.init_process_group(
                "nccl" if device == "cuda" else "gloo",
                store=store,
                rank=rank,
                world_size=count,
                timeout=PATIENCE,
                device_id=torch.device(mine) if device == "cuda" else None,
            )
            yield
        except Exception:
            store.set(f"{RAISED} {rank}", str(store.add(RAISED, 1)))
            raise
        # After an error the others may be waiting in the group, and leaving it would wait for them.
        distributed.destroy_process_group()


def available(device: str) -> int:
    """How many ranks the devices of a kind are enough for; on a CPU each takes a core."""
    return torch.cuda.device_count() if device == "cuda" else len(os.sched_getaffinity(0))


def leads() -> bool:
    """Whether this process writes what ranks have in common: the first of them, or the only one."""
    return not distributed.is_initialized() or distributed.get_rank() == 0
