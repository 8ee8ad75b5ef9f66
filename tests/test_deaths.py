"""A process that dies in any phase: the record says where and of what, and keeps what was found."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from harness import sweep
from harness.config import run_config
from harness.entry import compose
from harness.phases import PHASES
from harness.ranks import available
from harness.sources import with_sources

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the deaths are those of Linux"),
]

LEAVES = {
    "plan": {"memory", "environment"},
    "train": {"parameters", "quality", "training", "environment"},
    "merge": {"merge"},
    "latency": {"latency"},
}


def run(results: Path, *overrides: str) -> dict[str, Any]:
    cfg = compose(["sweep=smoke", "method=lora", "size=4", f"results={results}", *overrides])
    return sweep.run_sweep([with_sources(cfg)], run_config(cfg))[0]


@pytest.mark.parametrize(
    ("phase", "death", "status", "reason"),
    [
        ("train", "leave", "killed", "the process ended with exit code 3 and no answer"),
        ("merge", "kill", "killed", "the process died of SIGKILL"),
        ("memory", "exhaust", "out_of_memory", "can't allocate memory"),
        ("latency", "segfault", "killed", "the process died of SIGSEGV"),
        ("speed", "kill", "killed", "the process died of SIGKILL"),
    ],
)
def test_a_death_is_a_record_with_its_phase_and_what_was_measured_before(
    tmp_path: Path, phase: str, death: str, status: str, reason: str
) -> None:
    record = run(
        tmp_path,
        "method.implementation=tests.dying_method:DyingLoRA",
        f"method.dies_in={phase}",
        f"method.death={death}",
        f"method.results={tmp_path}",
    )
    assert (record["status"], record["phase"]) == (status, phase)
    assert reason in record["reason"]
    names = [each.name for each in PHASES]
    before = names[: names.index(phase)]
    kept = set().union(*(LEAVES.get(name, set()) for name in before))
    for group in set().union(*LEAVES.values()):
        assert bool(record[group]) is (group in kept), group
    if before:
        assert set(record["environment"]["phases"]) == set(before)
    if "train" in before:
        assert record["quality"]["n"] == 64
    if "latency" in before:
        assert record["latency"]["unmerged_over_base"]["value"] > 0


@pytest.mark.cores
@pytest.mark.skipif(available("cpu") < 2, reason="two ranks need two cores")
def test_death_of_one_rank_ends_the_training_and_the_record_names_it(tmp_path: Path) -> None:
    record = run(
        tmp_path,
        "method.implementation=tests.dying_method:DyingLoRA",
        "method.dies_in=train",
        "method.death=kill",
        f"method.results={tmp_path}",
        "train.devices=2",
    )
    assert (record["status"], record["phase"]) == ("killed", "train")
    assert record["reason"] == "rank 0 of 2: the process died of SIGKILL"
