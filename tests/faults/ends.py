"""Phases that end badly by themselves: out of memory, diverged, hanging."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from random import Random

from tests.faults.cgroup import NoCgroup, limited
from tests.faults.journal import Order
from tests.faults.round import Fault, Round
from tests.faults.scene import Scene


def badly(status: str, reason: str, act: str, phases: tuple[str, ...], *overrides: str) -> Fault:
    """One trial of two does `act` in one of these phases; it is told, and done again in the end."""

    def strike(folder: Path, blows: int, chance: Random) -> Round:
        with Scene(folder, 2, *overrides) as scene:
            orders = [Order(chance.choice(phases), chance.randrange(2), act)]
            _strike(scene, orders, status, reason)
        return scene.round

    return strike


def diverged(step: int, reason: str) -> Fault:
    """A gradient that is NaN in one of three steps."""

    def strike(folder: Path, blows: int, chance: Random) -> Round:
        with Scene(folder, 2) as scene:
            order = Order("train", chance.randrange(2), "spoil_gradient", step)
            _strike(scene, [order], "diverged", reason)
        return scene.round

    return strike


def oom_killed(folder: Path, blows: int, chance: Random) -> Round:
    """A sweep in a cgroup whose memory one phase uses up; the kernel kills that one."""
    with Scene(folder, 2) as scene, ExitStack() as stack:
        try:
            group = stack.enter_context(limited(3 << 30))
        except NoCgroup as error:
            scene.round.skipped = str(error)
            return scene.round
        order = Order(chance.choice(("train", "memory")), chance.randrange(2), "devour")
        reason = "the process died of SIGKILL as the kernel's OOM killer struck"
        _strike(scene, [order], "out_of_memory", reason, group)
    return scene.round


def _strike(
    scene: Scene, orders: list[Order], status: str, reason: str, group: Path | None = None
) -> None:
    scene.study.order(*orders)
    command = scene.study.start(group=group)
    ended = scene.wait(command)
    found = {record["seed"]: record for record in scene.records()}
    order = orders[0]
    bad = found[order.seed]
    scene.expect_code(ended, 1)
    scene.expect(bad["status"] == status, f"{bad['status']} and not {status}: {bad['reason']}")
    scene.expect(reason in (bad["reason"] or ""), f"the reason is {bad['reason']}")
    scene.expect(bad["phase"] == order.phase, f"the phase is {bad['phase']}")
    other = found[1 - order.seed]
    scene.expect(other["status"] == "ok", f"the other trial: {other['status']}, {other['reason']}")
    scene.struck(bad["status"])
    scene.study.order()
    scene.complete()


EXHAUSTED = badly("out_of_memory", "can't allocate memory", "exhaust", ("train", "merge", "memory"))
DIVERGED_AT_ONCE = diverged(1, "the loss is nan at step 2")
DIVERGED_AT_LAST = diverged(3, "the weights are not finite after step 3")
IGNORING = badly(
    "timeout", "took longer than the timeout", "ignore_signals_and_hang",
    ("train", "memory"), "timeout=0.5",
)  # fmt: skip
HANGING_IN_C = badly(
    "timeout", "took longer than the timeout", "hang_in_c", ("train", "memory"), "timeout=0.5",
)  # fmt: skip
