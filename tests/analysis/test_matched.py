from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from harness.analysis.matched import WITHIN, budgets
from harness.analysis.study import Study, studies
from harness.store import load
from tests import records


def study(folder: Path, made: list[dict]) -> Study:
    (only,) = studies(load(records.write(folder, made, with_outcomes=False)))
    return only


def trained(method: str, size: int, adapter: int, quality: float = 0.75) -> dict:
    return records.record(
        method, size, parameters__adapter=adapter, quality__value=quality,
        quality__ci_low=quality - 0.01, quality__ci_high=quality + 0.01,
    )  # fmt: skip


def test_three_methods_within_fifteen_percent_share_a_budget(tmp_path: Path) -> None:
    made = [
        trained("lora", 1, 900),
        trained("houlsby", 1, 1000, quality=0.80),
        trained("pfeiffer", 1, 1150),
        trained("pfeiffer", 9, 9000, quality=0.85),
        trained("prefix_tuning", 1, 2000),
        trained("prompt_tuning", 1, 2100),
    ]
    (budget,) = budgets(study(tmp_path, made))
    assert budget.parameters == pytest.approx((900 + 1150) / 2)
    assert budget.leaders == ("houlsby",)
    assert budget.entries[0].method == "houlsby"
    assert budget.leaders_anywhere == ("pfeiffer",)
    assert {e.label for e in budget.anywhere} == {"lora 1", "houlsby 1", "pfeiffer 9"}


@pytest.mark.parametrize(("third", "shared"), [(1352, True), (1354, False)])
def test_the_range_is_fifteen_percent_either_way(tmp_path: Path, third: int, shared: bool) -> None:
    # 1000 and 1000 * 1.15 / 0.85 = 1352.9 lie just within 15% of their middle.
    made = [trained("lora", 1, 1000), trained("houlsby", 1, 1200), trained("pfeiffer", 1, third)]
    assert bool(budgets(study(tmp_path, made))) is shared


def test_what_trains_no_adapter_shares_no_budget(tmp_path: Path) -> None:
    made = [trained(m, 1, 0) for m in ("head", "lora", "houlsby")]
    assert budgets(study(tmp_path, made)) == ()


def test_of_a_methods_sizes_within_a_budget_the_best_stands_for_it(tmp_path: Path) -> None:
    made = [
        trained("lora", 1, 1000, 0.70),
        trained("lora", 2, 1050, 0.78),
        trained("houlsby", 1, 1000),
        trained("pfeiffer", 1, 1000),
    ]
    (budget,) = budgets(study(tmp_path, made))
    assert [e.label for e in budget.entries if e.method == "lora"] == ["lora 2"]


@pytest.mark.parametrize("seed", range(4))
def test_budgets_are_the_best_that_brute_force_finds_and_share_nothing(
    tmp_path: Path, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    names = ("lora", "houlsby", "pfeiffer", "prefix_tuning")
    counts = {
        (name, size): int(10 ** generator.uniform(3, 5)) for name in names for size in range(1, 9)
    }
    found = budgets(study(tmp_path, [trained(*key, count) for key, count in counts.items()]))

    def methods(low: float, high: float) -> set[str]:
        return {name for (name, _), count in counts.items() if low <= count <= high}

    widest = (1 + WITHIN) / (1 - WITHIN)
    pairs = [(a, b) for a, b in combinations(sorted(counts.values()), 2) if b <= widest * a]
    most = max(len(methods(a, b)) for a, b in pairs)
    best = min((-len(methods(a, b)), b / a, a, b) for a, b in pairs)
    assert max(len(b.entries) for b in found) == most
    assert (best[2] + best[3]) / 2 in [pytest.approx(b.parameters) for b in found]
    for first, second in combinations(found, 2):
        assert first.parameters < second.parameters
        assert not {e.label for e in first.entries} & {e.label for e in second.entries}
    for budget in found:
        assert len(budget.entries) >= 3
        for entry in budget.entries:
            assert abs(entry["adapter"].value / budget.parameters - 1) <= WITHIN + 1e-9
