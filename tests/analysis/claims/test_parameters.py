from __future__ import annotations

import pytest

from harness.analysis.claims import CONTRADICTED, SUPPORTED, UNDECIDED
from harness.analysis.claims.parameters import share
from harness.analysis.claims.selection import Chosen
from harness.errors import ConfigError
from tests import records
from tests.analysis.claims.made import study

LORA = Chosen(method=("lora",))


def trained(size: int, adapter: int, head: int = 770) -> list[dict]:
    total = 1_000_000 + adapter + head
    return [
        records.record(
            "lora", size, parameters__trainable=adapter + head, parameters__head=head,
            parameters__total=total,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("adapter", "verdict"), [(500, CONTRADICTED), (5_000, SUPPORTED), (50_000, CONTRADICTED)]
)
def test_a_share_needs_one_record(adapter: int, verdict: str) -> None:
    judged = share(study(trained(8, adapter)), which=LORA, percent=(0.1, 1.0))
    assert (judged.verdict, judged.n) == (verdict, 1)


def test_the_head_is_left_out_of_the_share() -> None:
    # 5,000 of 1,005,000, whatever the head: 0.4975%.
    for head in (2, 500_000):
        judged = share(study(trained(8, 5_000, head)), which=LORA, percent=(0.4975, 0.4976))
        assert judged.verdict == SUPPORTED, judged.evidence
        assert "0.498%" in judged.evidence


def test_sizes_in_and_out_of_the_range_are_named() -> None:
    made = study(trained(4, 5_000), trained(64, 80_000))
    judged = share(made, which=LORA, percent=(0.1, 1.0))
    assert judged.verdict == UNDECIDED
    assert judged.evidence == (
        "It depends. Holds for lora 4 (0.498%). Does not hold for lora 64 (7.41%)."
    )


def test_without_a_record_it_is_undecided() -> None:
    judged = share(study([records.record("ia3")]), which=LORA, percent=(0, 1))
    assert (judged.verdict, judged.n) == (UNDECIDED, 0)
    assert "method=lora" in judged.run


def test_a_range_upside_down_is_refused() -> None:
    with pytest.raises(ConfigError, match="percent"):
        share(study(trained(8, 5_000)), which=LORA, percent=(1, 0.1))
