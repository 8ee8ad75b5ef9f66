from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from harness.analysis.entry import Entry
from harness.analysis.fronts import AXES, Front, fronts, more_is_better
from harness.analysis.study import Study, studies
from harness.analysis.ties import compare
from harness.store import load
from tests import records

MIB = records.MIB


def study(folder: Path, made: list[dict], **options: bool) -> Study:
    (only,) = studies(load(records.write(folder, made, **options)))
    return only


def one(method: str, quality: float, memory: float, ratio: float) -> dict:
    return records.record(
        method, 8, quality__value=quality, quality__ci_low=quality - 0.02,
        quality__ci_high=quality + 0.02, memory__train__allocated_peak=int(memory * MIB),
        latency__unmerged_over_base=records.paired_ratio(ratio),
    )  # fmt: skip


def over(found: Study, *figures: str) -> Front:
    return next(front for front in fronts(found) if front.figures == figures)


def clear(found: Study, first: Entry, second: Entry, figure: str) -> int:
    """1 where the first is clearly better, -1 where it is clearly worse, else 0: one by one."""
    a, b = first[figure], second[figure]
    if figure == "quality":
        comparison = compare(found, first, second)
        return 0 if comparison.tied else (1 if comparison.difference > 0 else -1)
    return 0 if a.overlaps(b) else (1 if a.value < b.value else -1)


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_every_front_and_its_loose_members_are_what_brute_force_finds(
    tmp_path: Path, seeds: tuple[int, ...]
) -> None:
    found = study(tmp_path, records.quick(seeds=seeds, sizes=(2, 4, 16)))
    made = fronts(found)
    assert [front.figures for front in made] == list(combinations(AXES, 3))
    loose = 0
    for front in made:
        known = [e for e in found.entries if all(e[f].known for f in front.figures)]
        assert len(front.known) == len(known)

        def costs(entry: Entry, figures: tuple[str, ...] = front.figures) -> list[float]:
            return [
                -entry[f].value if more_is_better(found, f) else entry[f].value for f in figures
            ]

        expected = set()
        for entry in known:
            others = [costs(other) for other in known]
            own = costs(entry)
            if not any(
                all(a <= b for a, b in zip(other, own, strict=True)) and other != own
                for other in others
            ):
                expected.add(entry.label)
        assert {member.entry.label for member in front.members} == expected
        for member in front.members:
            beaten = [
                other
                for other in known
                if other is not member.entry
                and {0, 1}
                >= (told := {clear(found, other, member.entry, f) for f in front.figures})
                and 1 in told
            ]
            assert (member.instead is not None) == bool(beaten), (front.figures, member)
            assert member.instead is None or member.instead in beaten
        loose += len(front.loose)
    assert loose > 0


def test_what_is_ahead_by_less_than_chance_is_on_the_front_loosely(tmp_path: Path) -> None:
    made = [one("lora", 0.78, 200, 1.2), one("houlsby", 0.77, 100, 1.1)]
    found = study(tmp_path, made, with_outcomes=False)
    front = over(found, "quality", "train_memory", "unmerged")
    assert [e.method for e in front.firm] == ["houlsby"]
    (loose,) = [member for member in front.members if member.instead is not None]
    assert (loose.entry.method, loose.instead.method) == ("lora", "houlsby")


def test_a_clear_lead_in_quality_is_firm_whatever_it_costs(tmp_path: Path) -> None:
    made = [one("lora", 0.90, 200, 1.2), one("houlsby", 0.77, 100, 1.1)]
    front = over(study(tmp_path, made, with_outcomes=False), "quality", "train_memory", "unmerged")
    assert {e.method for e in front.firm} == {"lora", "houlsby"}


def test_a_latency_ahead_within_its_interval_is_loose(tmp_path: Path) -> None:
    # Intervals of 0.006 either way; lora is slower by 0.004 and clearly smaller.
    made = [one("lora", 0.78, 100, 1.104), one("houlsby", 0.78, 200, 1.100)]
    front = over(study(tmp_path, made, with_outcomes=False), "quality", "train_memory", "unmerged")
    assert {e.method for e in front.firm} == {"lora"}
    assert {e.method for e in front.loose} == {"houlsby"}


def test_what_was_not_measured_is_on_no_front_that_asks_for_it(tmp_path: Path) -> None:
    made = [one("lora", 0.78, 100, 1.1), records.record("houlsby", 8, memory=None)]
    found = study(tmp_path, made, with_outcomes=False)
    for front in fronts(found):
        labels = {entry.label for entry in front.known}
        assert ("houlsby 8" in labels) == ("train_memory" not in front.figures)


def test_of_a_loss_less_is_better(tmp_path: Path) -> None:
    made = [
        one("lora", 0.9, 100, 1.1), one("houlsby", 0.5, 100, 1.1),
    ]  # fmt: skip
    for record in made:
        record["quality"]["higher_is_better"] = False
        record["parameters"]["file_bytes"] = 1000
    found = study(tmp_path, made, with_outcomes=False)
    assert [e.method for e in over(found, "quality", "train_memory", "file_bytes").firm] == [
        "houlsby"
    ]
