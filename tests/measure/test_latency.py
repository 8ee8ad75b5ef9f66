from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Callable

import pytest

from harness.measure.latency import Timing, interleaved

MS = 1_000_000


class FakeClock:
    """Time that passes only inside the subjects."""

    def __init__(self) -> None:
        self.now = 0
        self.calls: list[str] = []

    def __call__(self) -> int:
        return self.now

    def subject(self, name: str, *durations_ms: float) -> Callable[[], None]:
        """Takes these times one after the other, and then the last one for ever."""
        left = list(durations_ms)

        def call() -> None:
            self.calls.append(name)
            self.now += int(MS * (left.pop(0) if len(left) > 1 else left[0]))

        return call


def test_the_ratio_of_known_times_is_recovered() -> None:
    clock = FakeClock()
    subjects = {"base": clock.subject("base", 10), "unmerged": clock.subject("unmerged", 12.5)}
    timing = interleaved(subjects, seconds=0, rounds=30, warmups=2, seed=0, clock=clock)
    figures = timing.figures()
    assert figures["base"]["median_ms"] == 10
    assert figures["unmerged"]["median_ms"] == 12.5
    assert figures["unmerged_over_base"] == {"value": 1.25, "ci_low": 1.25, "ci_high": 1.25}
    assert figures["stable"]
    assert json.loads(json.dumps(figures)) == figures


def test_cold_and_warm_up_calls_stay_out_of_the_samples() -> None:
    clock = FakeClock()
    subjects = {"base": clock.subject("base", 90, 80, 70, 10)}
    timing = interleaved(subjects, seconds=0, rounds=5, warmups=2, seed=0, clock=clock)
    assert timing.cold == {"base": 90 * MS}
    assert timing.samples == {"base": (10 * MS,) * 5}
    assert timing.figures()["base"]["cold_ms"] == 90


def test_every_round_calls_every_subject_once_in_a_shuffled_order() -> None:
    clock = FakeClock()
    names = ["base", "merged", "unmerged"]
    subjects = {name: clock.subject(name, 1) for name in names}
    interleaved(subjects, seconds=0, rounds=300, warmups=0, seed=0, clock=clock)
    rounds = [tuple(clock.calls[i : i + 3]) for i in range(3, len(clock.calls), 3)]
    assert len(rounds) == 300
    assert all(sorted(order) == names for order in rounds)
    orders = Counter(rounds)
    assert len(orders) == 6
    assert min(orders.values()) > 25


def test_the_order_follows_the_seed() -> None:
    def orders(seed: int) -> list[str]:
        clock = FakeClock()
        subjects = {name: clock.subject(name, 1) for name in ("base", "merged")}
        interleaved(subjects, seconds=0, rounds=40, warmups=0, seed=seed, clock=clock)
        return clock.calls

    assert orders(1) == orders(1)
    assert orders(1) != orders(2)


@pytest.mark.parametrize(
    ("seconds", "rounds", "expected"),
    [(0.1, 3, 10), (0.1, 25, 25), (0, 1, 1)],
)
def test_rounds_go_on_until_both_minimums_are_met(
    seconds: float, rounds: int, expected: int
) -> None:
    clock = FakeClock()
    timing = interleaved(
        {"base": clock.subject("base", 10)},
        seconds=seconds,
        rounds=rounds,
        warmups=1,
        seed=0,
        clock=clock,
    )
    assert len(timing.samples["base"]) == expected


def test_the_limit_ends_what_would_take_too_long() -> None:
    clock = FakeClock()
    timing = interleaved(
        {"base": clock.subject("base", 4000)},
        seconds=1,
        rounds=1000,
        warmups=0,
        seed=0,
        limit_seconds=10,
        clock=clock,
    )
    assert len(timing.samples["base"]) == 3


def test_a_stable_repeat_replaces_unstable_timing() -> None:
    clock = FakeClock()
    noisy = [10, 20] * 10
    timing = interleaved(
        {"base": clock.subject("base", 10, *noisy, 10)},
        seconds=0,
        rounds=20,
        warmups=0,
        seed=0,
        clock=clock,
    )
    assert timing.samples["base"] == (10 * MS,) * 20
    assert (timing.stable, timing.repeated) == (True, True)


def test_timing_that_stays_unstable_keeps_the_rounds_of_both_passes_and_is_flagged() -> None:
    clock = FakeClock()
    timing = interleaved(
        {"base": clock.subject("base", 10), "merged": clock.subject("merged", *[10, 20] * 21, 10)},
        seconds=0,
        rounds=20,
        warmups=1,
        seed=0,
        clock=clock,
    )
    assert len(clock.calls) == 2 * (1 + 1 + 20 + 20)
    assert timing.samples["merged"] == (10 * MS, 20 * MS) * 20
    assert timing.samples["base"] == (10 * MS,) * 40
    assert timing.blocks == tuple(range(40))
    assert timing.figures()["stable"] is False
    assert timing.figures()["repeated"] is True


def test_queued_work_is_waited_for_on_both_sides_of_a_call() -> None:
    events: list[str] = []

    def clock() -> int:
        events.append("clock")
        return len(events)

    interleaved(
        {"base": lambda: events.append("call")},
        seconds=0,
        rounds=1,
        warmups=0,
        seed=0,
        clock=clock,
        synchronize=lambda: events.append("wait"),
    )
    assert events[:5] == ["wait", "clock", "call", "wait", "clock"]


def test_the_collector_rests_while_time_is_taken_and_works_again_after() -> None:
    seen: list[bool] = []

    def call() -> None:
        seen.append(gc.isenabled())
        if len(seen) == 4:
            raise RuntimeError("a subject that fails")

    clock = FakeClock()
    with pytest.raises(RuntimeError, match="fails"):
        interleaved({"base": call}, seconds=0, rounds=9, warmups=1, seed=0, clock=clock)
    assert seen == [False] * 4
    assert gc.isenabled()


def test_replayed_samples_give_their_figures_again() -> None:
    # 100 rounds in which base wanders from 10 to 19.9 ms and the adapter costs a tenth more.
    base = tuple(10 * MS + i * MS // 10 for i in range(100))
    unmerged = tuple(sample * 11 // 10 for sample in base)
    cold = {"base": 1, "unmerged": 1}
    timing = Timing({"base": base, "unmerged": unmerged}, cold, 0, False, tuple(range(100)))
    summary = timing.figures()
    assert summary["base"]["median_ms"] == pytest.approx(14.95)
    assert summary["base"]["iqr_ms"] == pytest.approx(4.95)
    assert summary["base"]["p90_ms"] == pytest.approx(18.91)
    assert summary["base"]["p95_ms"] is None
    assert not summary["stable"]
    assert summary["unmerged_over_base"]["value"] == pytest.approx(1.1)
    assert summary["unmerged_over_base"]["ci_high"] == pytest.approx(1.1)


def test_one_round_gives_a_ratio_without_an_interval() -> None:
    timing = Timing({"base": (2,), "merged": (3,)}, {"base": 1, "merged": 1}, 0, False, (0,))
    figures = timing.figures()
    assert figures["merged_over_base"] == {"value": 1.5, "ci_low": None, "ci_high": None}


@pytest.mark.parametrize(
    "wrong", [{"rounds": 0}, {"warmups": -1}, {"seconds": -1}, {"seconds": 1e6}, {"subjects": {}}]
)
def test_a_plan_that_cannot_be_kept_is_refused(wrong: dict[str, object]) -> None:
    plan = {"subjects": {"base": int}, "seconds": 1, "rounds": 1, "warmups": 0, "seed": 0} | wrong
    with pytest.raises(ValueError, match="expected"):
        interleaved(plan.pop("subjects"), **plan)  # type: ignore[arg-type]


def test_subjects_are_renewed_for_each_of_at_least_twenty_blocks() -> None:
    clock = FakeClock()
    renewed: list[int] = []

    def renew() -> dict[str, Callable[[], None]]:
        renewed.append(len(clock.calls))
        return {name: clock.subject(f"{name}{len(renewed)}", 10) for name in ("base", "merged")}

    first = {name: clock.subject(name, 10) for name in ("base", "merged")}
    timing = interleaved(first, seconds=0, rounds=90, warmups=1, seed=0, renew=renew, clock=clock)
    assert timing.blocks == tuple(block for block in range(23) for _ in range(4))
    assert len(timing.samples["base"]) == 92
    # cold and one warm-up before; then four rounds of two in each block
    assert renewed == [4 + 8 * block for block in range(23)]
    assert set(clock.calls[4:12]) == {"base1", "merged1"}


def test_what_renewing_takes_is_not_time_of_the_subjects() -> None:
    clock = FakeClock()
    subjects = {"base": clock.subject("base", 10)}

    def renew() -> dict[str, Callable[[], None]]:
        clock.now += 1000 * MS
        return subjects

    timing = interleaved(
        subjects, seconds=0.3, rounds=20, warmups=0, seed=0, renew=renew, clock=clock
    )
    assert set(timing.samples["base"]) == {10 * MS}
    assert len(timing.samples["base"]) == 30, "seconds are those of the subjects"


def test_groups_are_not_mixed_within_a_block() -> None:
    clock = FakeClock()
    names = ["1/base", "1/merged", "16/base", "16/merged"]
    subjects = {name: clock.subject(name, 10) for name in names}
    timing = interleaved(
        subjects, seconds=0, rounds=40, warmups=0, seed=0, clock=clock,
        apart=[names[:2], names[2:]], renew=lambda: subjects,
    )  # fmt: skip
    timed = clock.calls[4:]
    blocks = [timed[start : start + 8] for start in range(0, len(timed), 8)]
    assert len(blocks) == 20
    for block in blocks:
        assert [name.split("/")[0] for name in block] == ["1"] * 4 + ["16"] * 4
    assert timing.blocks == tuple(block for block in range(20) for _ in range(2))
    assert {len(taken) for taken in timing.samples.values()} == {40}


def test_a_part_has_its_own_names_and_steadiness() -> None:
    samples = {"1/base": (10, 10, 10, 10), "16/base": (10, 20, 30, 40)}
    timing = Timing(samples, {"1/base": 1, "16/base": 2}, 0, False, (0, 1, 2, 3))
    single, batch = (timing.part({f"{size}/base": "base"}) for size in (1, 16))
    assert (single.samples, single.cold) == ({"base": (10, 10, 10, 10)}, {"base": 1})
    assert (single.stable, batch.stable, timing.stable) == (True, False, False)
