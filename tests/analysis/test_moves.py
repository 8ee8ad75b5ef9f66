from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.choice import choose
from harness.analysis.constraints import LIMITS, NEEDS, Constraints, more_is_better
from harness.analysis.moves import Move, moves
from harness.analysis.study import Study, studies
from tests import records

# Those without a size once, so that no two records are of one entry.
ONCE = ("full", "head", "bitfit", "ia3")
SIZED = ("lora", "houlsby", "pfeiffer", "prompt_tuning")
# Round figures, so that the grid of limits can hold all of them, and equals are frequent.
GRID = {
    "max_latency_ratio": [1.0 + k / 100 for k in range(-3, 14)],
    "max_train_memory": list(range(5, 140, 5)),
    "max_inference_memory": list(range(5, 140, 5)),
    "max_file_bytes": list(range(5, 140, 5)),
    "max_adapter_bytes": list(range(5, 140, 5)),
    "max_forgetting": [k / 100 for k in range(1, 9)],
    "min_capacity": [float(k) for k in range(-10, 140, 5)],
    "min_quality": [k / 100 for k in range(60, 95)],
}


def invented(seed: int, higher_is_better: bool = True, entries: int = 14) -> Study:
    draw = np.random.default_rng(seed)

    def some(values: list) -> float | None:
        return None if draw.random() < 0.12 else float(draw.choice(values))

    rows = []
    for place in range(entries):
        method = ONCE[place] if place < len(ONCE) else SIZED[place % len(SIZED)]
        made = records.record(method, place)
        latency = some([1.0 + k / 100 for k in range(12)])
        made["latency"]["unmerged_over_base"] = latency and {"value": latency}
        merged = some([0.99, 1.0, 1.01])
        made["latency"]["merged_over_base"] = merged and {"value": merged}
        made["quality"] |= {
            "value": some([k / 100 for k in range(62, 92)]),
            "higher_is_better": higher_is_better,
        }
        made["memory"]["train"]["allocated_peak"] = some(list(range(10, 130, 10)))
        made["memory"]["inference"]["allocated_peak"] = some(list(range(10, 130, 10)))
        made["parameters"]["file_bytes"] = some(list(range(10, 130, 10)))
        made["capacity"] = {"bits": some([0.0, 10.0, 50.0, 100.0]), "at_ceiling": False}
        made["forgetting"] = {"increase": {"value": some([-0.02, 0.0, 0.02, 0.04, 0.06])}}
        made["serving"] = {
            "bytes_per_adapter": some(list(range(10, 130, 10))),
            "requests_per_s": {"mixed": some([100.0])},
        }
        rows.append(made)
    (study,) = studies(records.frame(rows))
    return study


def drawn(seed: int) -> Constraints:
    """A few constraints, each from somewhere in the middle of its grid."""
    draw = np.random.default_rng(100 + seed)
    given = {}
    for limit, grid in GRID.items():
        if draw.random() < 0.3:
            given[limit] = grid[int(draw.integers(len(grid) // 3, len(grid)))]
    needs = tuple(need for need in NEEDS[:3] if draw.random() < 0.15)
    prefer = str(draw.choice(["quality", "quality", "train_memory", "capacity", "deployed"]))
    return Constraints(**given, needs=needs, prefer=prefer)


def found(study: Study, constraints: Constraints) -> dict[tuple[str, str], Move]:
    return {
        (move.constraint + move.need, move.way): move for move in choose(study, constraints).moves
    }


def label(study: Study, constraints: Constraints) -> str | None:
    pick = choose(study, constraints).pick
    return pick.label if pick else None


def loosest_first(study: Study, limit: str) -> list[float]:
    return sorted(GRID[limit], reverse=not more_is_better(limit, study))


@pytest.mark.parametrize("higher_is_better", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_moves_are_those_of_a_search_over_a_grid_of_limits(
    seed: int, higher_is_better: bool
) -> None:
    study, constraints = invented(seed, higher_is_better), drawn(seed)
    now, said = label(study, constraints), found(study, constraints)
    for limit in LIMITS:
        grid, given = loosest_first(study, limit), getattr(constraints, limit)
        picks = [label(study, replace(constraints, **{limit: at})) for at in grid]
        if given is None:
            changed = next((k for k, pick in enumerate(picks) if pick != now), None)
            move = said.get((limit, "added"))
            if move is not None and move.at is None:
                assert changed == 0
                assert (move.pick.label if move.pick else None) == picks[0]
                continue
            assert (move is None) == (changed is None), limit
            if move is not None:
                assert (move.pick.label if move.pick else None) == picks[changed]
                assert move.at == grid[changed - 1]
            continue
        place = grid.index(given)
        tighter = next((k for k in range(place, len(grid)) if picks[k] != now), None)
        looser = next((k for k in range(place, -1, -1) if picks[k] != now), None)
        for way, changed in (("tighter", tighter), ("looser", looser)):
            move = said.get((limit, way))
            assert (move is None) == (changed is None), (limit, way)
            if move is not None:
                assert (move.pick.label if move.pick else None) == picks[changed]
                assert move.at == grid[changed if way == "looser" else changed - 1]


@pytest.mark.parametrize("seed", range(8))
def test_needs_that_would_change_the_pick_are_told(seed: int) -> None:
    study, constraints = invented(seed), drawn(seed)
    said = found(study, constraints)
    for need in NEEDS:
        given = need in constraints.needs
        others = tuple(each for each in constraints.needs if each != need)
        moved = replace(constraints, needs=others if given else (*others, need))
        move = said.get((f"needs{need}", "dropped" if given else "added"))
        expected = label(study, moved)
        assert (move is not None) == (expected != label(study, constraints))
        if move is not None:
            assert (move.pick.label if move.pick else None) == expected


def test_what_moves_is_told_in_words() -> None:
    rows = [
        records.record(m, 8, quality__value=q, memory__train__allocated_peak=peak)
        for m, q, peak in (("lora", 0.8, 300), ("houlsby", 0.79, 200), ("pfeiffer", 0.7, 100))
    ]
    (study,) = studies(records.frame(rows))
    choice = choose(study, Constraints(max_train_memory=250, min_quality=0.75))
    told = [move.told(study).replace("\u00a0", " ") for move in choice.moves]
    assert told[0].startswith("max_latency_ratio below ")
    assert "max_train_memory from 300 B up: lora 8" in told
    assert "max_train_memory below 200 B: nothing is left" in told
    assert "min_quality above 0.7900: nothing is left" in told
    assert "with needs=merge: nothing is left" in told
    none = choose(study, Constraints(max_train_memory=150, min_quality=0.75))
    told = [move.told(study).replace("\u00a0", " ") for move in none.moves]
    assert told == [
        "max_train_memory from 200 B up: houlsby 8",
        "min_quality from 0.7000 down: pfeiffer 8",
    ]


def test_limits_are_told_so_that_typing_them_in_does_what_is_told() -> None:
    rows = [
        records.record(m, 8, quality__value=q, memory__train__allocated_peak=peak)
        for m, q, peak in (("lora", 0.8, 217_900_000), ("houlsby", 0.7, 208_247_193))
    ]
    (study,) = studies(records.frame(rows))

    def told(limit: float | None, start: str) -> str:
        choice = choose(study, Constraints(max_train_memory=limit))
        (line,) = [t for m in choice.moves if (t := m.told(study)).startswith(start)]
        return line.replace("\u00a0", " ")

    # 207.806 MiB: rounded up where a limit is raised, down where it is lowered.
    assert told(210e6, "max_train_memory from") == "max_train_memory from 207.9 MiB up: lora 8"
    assert told(None, "max_train_memory below") == "max_train_memory below 207.8 MiB: houlsby 8"
    assert choose(study, Constraints(max_train_memory=207.9 * 2**20)).pick.method == "lora"
    assert choose(study, Constraints(max_train_memory=207.8 * 2**20)).pick.method == "houlsby"


def test_a_pick_whose_figure_is_unknown_falls_to_any_limit() -> None:
    rows = [
        records.record("lora", 8, quality__value=0.8, capacity={"bits": None}),
        records.record("houlsby", 8, quality__value=0.7, capacity={"bits": 10.0}),
    ]
    (study,) = studies(records.frame(rows))
    move = found(study, Constraints())["min_capacity", "added"]
    assert (move.at, move.pick.method) == (None, "houlsby")
    assert move.told(study) == "min_capacity, whatever it is: houlsby 8"


def test_three_thousand_entries_take_less_than_a_second() -> None:
    study = invented(0, entries=300)
    study = replace(
        study,
        entries=tuple(replace(e, label=f"{e.label} {k}") for k in range(10) for e in study.entries),
    )
    constraints = Constraints(max_train_memory=60, max_latency_ratio=1.05, min_quality=0.7)
    candidates = choose(study, constraints)
    started = time.perf_counter()
    assert moves(study, constraints, candidates.candidates, candidates.ruled_out)
    assert time.perf_counter() - started < 1
