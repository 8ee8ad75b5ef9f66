from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis.overview import across
from harness.analysis.study import Study, studies
from harness.store import load
from tests import records


def made(task: str, qualities: dict[tuple[str, int], float]) -> list[dict]:
    return [
        records.record(
            method, size, task=task, quality__value=q, quality__ci_low=q - 0.01,
            quality__ci_high=q + 0.01,
        )
        for (method, size), q in qualities.items()
    ]  # fmt: skip


@pytest.fixture
def found(tmp_path: Path) -> tuple[Study, ...]:
    rows = made("one", {("lora", 4): 0.70, ("lora", 8): 0.80, ("houlsby", 8): 0.79})
    rows += made("two", {("lora", 4): 0.90, ("houlsby", 8): 0.60, ("pfeiffer", 8): 0.70})
    return studies(load(records.write(tmp_path, rows, with_outcomes=False)))


def test_methods_stand_at_their_best_size_and_ties_share_a_rank(found: tuple[Study, ...]) -> None:
    tasks = [study.task for study in found]
    lora, houlsby, pfeiffer = across(found)
    assert [a.method for a in (lora, houlsby, pfeiffer)] == ["lora", "houlsby", "pfeiffer"]
    one, two = (tasks.index(task) for task in ("one", "two"))
    assert lora.standings[one].entry.label == "lora 8"
    assert (lora.standings[one].rank, lora.standings[one].tied) == (1, True)
    assert (lora.standings[two].rank, lora.standings[two].tied) == (1, False)
    assert houlsby.standings[one].rank == 1
    assert houlsby.standings[two].rank == 3
    assert pfeiffer.standings[one] is None


def test_ranks_are_averaged_over_the_studies_that_a_method_was_run_in(
    found: tuple[Study, ...],
) -> None:
    by_method = {a.method: a for a in across(found)}
    assert (by_method["lora"].led, by_method["lora"].mean_rank) == (2, 1.0)
    assert (by_method["houlsby"].led, by_method["houlsby"].mean_rank) == (1, 2.0)
    assert (by_method["pfeiffer"].led, by_method["pfeiffer"].mean_rank) == (0, 2.0)
    assert len(by_method["pfeiffer"].known) == 1


def test_nothing_comes_of_nothing() -> None:
    assert across([]) == ()
