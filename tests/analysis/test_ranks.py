from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis.ranks import Smallest, smallest_sizes
from harness.analysis.study import Study, studies
from harness.store import load
from tests import records


def study(rows: list[dict]) -> Study:
    (only,) = studies(records.frame(rows))
    return only


def row(
    method: str, size: int | None, quality: float, half: float = 0.01, **changes: object
) -> dict:
    interval = {"quality__ci_low": quality - half, "quality__ci_high": quality + half}
    return records.record(method, size, quality__value=quality, **interval, **changes)


def found(rows: list[dict]) -> dict[str, Smallest]:
    return {each.method: each for each in smallest_sizes(study(rows))}


@pytest.mark.parametrize(
    ("qualities", "smallest", "best"),
    [
        ({4: 0.70, 8: 0.75, 16: 0.76, 64: 0.765}, 8, 64),
        ({4: 0.70, 8: 0.72, 16: 0.80}, 16, 16),
        ({4: 0.80, 8: 0.79, 16: 0.78}, 4, 4),
        ({4: 0.70, 8: 0.80, 16: 0.70}, 8, 8),
    ],
    ids=["ties", "only the best", "the smallest is best", "best in the middle"],
)
def test_the_smallest_size_that_ties_with_the_best_is_told(
    qualities: dict[int, float], smallest: int, best: int
) -> None:
    rows = [row("lora", size, quality) for size, quality in qualities.items()]
    (told,) = smallest_sizes(study(rows))
    assert (told.entry.size, told.best.size) == (smallest, best)
    assert told.sizes == tuple(qualities)
    assert (told.comparison is None) == (smallest == best)


def test_methods_with_one_size_or_none_have_no_answer() -> None:
    rows = [
        row("lora", 4, 0.7),
        row("lora", 8, 0.8),
        row("houlsby", 8, 0.8),
        row("full", None, 0.8),
    ]
    assert list(found(rows)) == ["lora"]


def test_a_size_of_several_recipes_counts_with_its_best() -> None:
    rows = [
        row("lora", 4, 0.60, training__learning_rate=1.0),
        row("lora", 4, 0.795, training__learning_rate=0.1),
        row("lora", 8, 0.80),
    ]
    told = found(rows)["lora"]
    assert told.entry["quality"].value == 0.795
    assert told.entry.size == 4


def test_pairs_of_examples_decide_where_intervals_overlap(tmp_path: Path) -> None:
    rows = [row("lora", size, quality, 0.026) for size, quality in ((4, 0.755), (8, 0.78))]
    blunt = found(rows)["lora"]
    (paired,) = smallest_sizes(studies(load(records.write(tmp_path, rows)))[0])
    assert (blunt.entry.size, paired.entry.size) == (4, 8)
