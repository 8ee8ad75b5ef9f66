from __future__ import annotations

import pytest

from harness.analysis.benefits import fixed_capacity
from harness.analysis.study import Study, studies
from harness.analysis.triangle import alternatives, sensitivity, triangle, weights
from tests import records


def made(method: str, quality: float | None, peak: float | None, ratio: float | None) -> dict:
    unmerged = None if ratio is None else {"value": ratio, "ci_low": ratio, "ci_high": ratio}
    return records.record(
        method,
        8,
        quality__value=quality,
        memory__train__allocated_peak=peak,
        latency__unmerged_over_base=unmerged,
        latency__merged_over_base={"value": 1.0, "ci_low": 1.0, "ci_high": 1.0},
    )


def study(*rows: dict) -> Study:
    (only,) = studies(records.frame(list(rows)))
    return only


FOUR = (
    made("head", 0.70, 100, 1.0),
    made("full", 0.78, 500, 1.0),
    made("lora", 0.80, 300, 1.2),
    made("houlsby", 0.75, 200, 1.1),
)


def test_benefits_and_weights_are_those_worked_out_by_hand() -> None:
    found = {p.entry.label: p for p in triangle(study(*FOUR)).positions}
    # capacity (q - 0.70) / 0.10, memory (500 - m) / 400, speed (1.2 - r) / 0.2
    assert found["houlsby 8"].benefits == pytest.approx((0.5, 0.75, 0.5))
    assert found["houlsby 8"].weights == pytest.approx((2 / 7, 3 / 7, 2 / 7))
    assert found["lora 8"].benefits == pytest.approx((1.0, 0.5, 0.0))
    assert found["lora 8"].weights == pytest.approx((2 / 3, 1 / 3, 0.0))
    assert found["full"].weights == pytest.approx((4 / 9, 0.0, 5 / 9))
    assert found["head"].weights == pytest.approx((0.0, 0.5, 0.5))


def test_nearest_corners() -> None:
    found = {p.entry.label: p.nearest for p in triangle(study(*FOUR)).positions}
    assert found == {
        "houlsby 8": "memory", "lora 8": "capacity", "head": "memory–speed", "full": "speed"
    }  # fmt: skip


def test_the_rule_and_its_anchors_come_with_the_positions() -> None:
    capacity, memory, speed = triangle(study(*FOUR)).axes
    assert (capacity.zero_at, capacity.one_at) == (0.70, 0.80)
    assert (memory.zero_at, memory.one_at) == (500, 100)
    assert (speed.zero_at, speed.one_at) == (1.2, 1.0)
    assert "floor" in capacity.rule


def test_deployed_speed_counts_the_merged() -> None:
    *_, deployed = alternatives(study(*FOUR))
    found = {p.entry.label: p.benefits for p in deployed.positions}
    assert found["lora 8"] == pytest.approx((1.0, 0.5, 1.0))
    assert found["houlsby 8"] == pytest.approx((0.5, 0.75, 0.0))


def test_ranks_are_shares_of_the_others_beaten() -> None:
    by_rank, *_ = alternatives(study(*FOUR))
    found = {p.entry.label: p.benefits for p in by_rank.positions}
    # Head and full tie for the fastest: each beats two of three and equals one.
    assert found["full"] == pytest.approx((2 / 3, 0.0, 2.5 / 3))
    assert found["lora 8"] == pytest.approx((1.0, 1 / 3, 0.0))


def test_the_fixed_range_hangs_on_no_other_method() -> None:
    _, fixed, _ = alternatives(study(*FOUR))
    found = {p.entry.label: p.benefits for p in fixed.positions}
    assert found["houlsby 8"] == pytest.approx((0.05 / 0.30, 0.6, 1 / 1.1))


def test_sensitivity_is_the_largest_move_between_rules() -> None:
    subject = study(*FOUR)
    first, others = triangle(subject), alternatives(subject)
    (lora,) = (s for s in sensitivity(first, others) if s.entry.label == "lora 8")
    own = first.of(lora.entry).weights
    moves = [
        sum(abs(a - b) for a, b in zip(own, other.of(lora.entry).weights, strict=True)) / 2
        for other in others
    ]
    assert lora.moved == pytest.approx(max(moves))
    assert len(lora.nearest) == 4


def test_without_a_floor_the_majority_class_stands_in_and_says_so() -> None:
    rows = [made("full", 0.78, 500, 1.0), made("lora", 0.80, 300, 1.2)]
    axis = triangle(study(*rows)).axes[0]
    assert axis.zero_at == 0.561
    assert "no floor was run" in axis.rule


def test_where_nothing_beats_the_floor_nobody_has_capacity() -> None:
    rows = [made("head", 0.78, 100, 1.0), made("lora", 0.70, 300, 1.2), made("ia3", 0.6, 200, 1.1)]
    found = triangle(study(*rows))
    assert [p.benefits[0] for p in found.positions] == [0.0, 0.0]  # lora has no benefit at all
    assert "nothing gains quality" in found.axes[0].rule


def test_what_was_not_measured_is_left_out_with_its_reason() -> None:
    found = triangle(study(*FOUR, made("ia3", 0.75, None, 1.1)))
    assert [(e.label, r) for e, r in found.left_out] == [("ia3", "training memory: not recorded")]
    assert len(found.positions) == 4


def test_without_any_memory_there_is_no_triangle_and_a_reason() -> None:
    rows = [made("head", 0.7, None, 1.0), made("lora", 0.8, None, 1.2)]
    found = triangle(study(*rows))
    assert found.positions == ()
    assert len(found.left_out) == 2


def test_no_benefit_at_all_is_no_position() -> None:
    worst = made("ia3", 0.60, 500, 1.2)
    labels = [e.label for e, _ in triangle(study(*FOUR, worst)).left_out]
    assert labels == ["ia3"]
    assert weights((0.0, 0.0, 0.0)) is None


def test_a_single_configuration_has_all_benefits_alike() -> None:
    (only,) = triangle(study(made("lora", 0.8, 300, 1.0))).positions
    assert only.weights == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def held(method: str, bits: float | None, quality: float, peak: float, ratio: float) -> dict:
    row = made(method, quality, peak, ratio)
    if bits is not None:
        row["capacity"] = {"bits": bits, "ceiling_bits": 4096.0, "at_ceiling": False}
    return row


FOUR_HELD = (
    held("head", 16.0, 0.70, 100, 1.0),
    held("full", 1024.0, 0.78, 500, 1.0),
    held("lora", 128.0, 0.80, 300, 1.2),
    held("houlsby", 256.0, 0.75, 200, 1.1),
)


def test_capacity_is_bits_on_a_log_scale_between_the_fewest_and_the_most() -> None:
    found = triangle(study(*FOUR_HELD))
    benefits = {p.entry.label: p.benefits[0] for p in found.positions}
    # log2 of 16, 128, 256 and 1024 is 4, 7, 8 and 10.
    assert benefits == pytest.approx({"head": 0, "lora 8": 3 / 6, "houlsby 8": 4 / 6, "full": 1})
    axis = found.axes[0]
    assert (axis.figure, axis.zero_at, axis.one_at) == ("capacity", 16.0, 1024.0)
    assert "log scale" in axis.rule
    assert "lower bounds" in axis.rule


def test_quality_moves_nothing_on_the_capacity_axis_where_bits_are_known() -> None:
    better = held("lora", 128.0, 0.99, 300, 1.2)
    one, other = (triangle(study(*FOUR_HELD[:2], row)) for row in (FOUR_HELD[2], better))
    assert [p.weights for p in one.positions] == [p.weights for p in other.positions]


def test_less_than_one_bit_is_no_capacity_and_no_anchor() -> None:
    rows = [held("head", 0.0, 0.7, 100, 1.0), held("ia3", 0.5, 0.75, 200, 1.1), *FOUR_HELD[1:3]]
    found = triangle(study(*rows))
    assert (found.axes[0].zero_at, found.axes[0].one_at) == (128.0, 1024.0)
    benefits = {p.entry.label: p.benefits[0] for p in found.positions}
    assert benefits == {"head": 0.0, "ia3": 0.0, "lora 8": 0.0, "full": 1.0}


def test_where_nothing_holds_a_bit_nobody_has_capacity() -> None:
    rows = [held("head", 0.0, 0.7, 100, 1.0), held("lora", 0.2, 0.8, 300, 1.1)]
    found = triangle(study(*rows))
    assert not any(p.benefits[0] for p in found.positions)
    assert "nothing holds a bit" in found.axes[0].rule


def test_with_bits_quality_gained_is_one_of_the_other_rules() -> None:
    others = {t.name: t for t in alternatives(study(*FOUR_HELD))}
    assert list(others) == ["by rank", "fixed range", "as deployed", "quality gained"]
    gained = {p.entry.label: p.weights for p in others["quality gained"].positions}
    assert gained == {p.entry.label: p.weights for p in triangle(study(*FOUR)).positions}
    by_rank = {p.entry.label: p.benefits[0] for p in others["by rank"].positions}
    assert by_rank["full"] == 1.0
    fixed = {p.entry.label: p.benefits[0] for p in others["fixed range"].positions}
    assert fixed["lora 8"] == pytest.approx(7 / 12)  # log2 of 128 over log2 of 4096


def test_without_a_ceiling_there_is_no_fixed_range_and_a_reason() -> None:
    rows = [row | {"capacity": {"bits": row["capacity"]["bits"]}} for row in FOUR_HELD]
    fixed = alternatives(study(*rows))[1]
    assert fixed.positions == ()
    assert len(fixed.left_out) == 4


def test_bits_of_a_few_do_not_push_the_rest_out_of_the_triangle() -> None:
    few = triangle(study(FOUR_HELD[0], FOUR_HELD[1], *FOUR[2:]))
    assert few.axes[0].figure == "quality"
    assert len(few.positions) == 4
    most = triangle(study(*FOUR_HELD[:3], FOUR[3]))
    assert most.axes[0].figure == "capacity"
    assert [r for _, r in most.left_out] == ["capacity in bits: not recorded"]


def test_a_perfect_perplexity_is_one() -> None:
    rows = [
        made(method, quality, 100, 1.0)
        for method, quality in {"head": 9.0, "lora": 5.0, "full": 3.0}.items()
    ]
    for row in rows:
        row["quality"] |= {"metric": "perplexity", "higher_is_better": False}
    rule = fixed_capacity(study(*rows), "quality")
    assert rule is not None
    _, benefit = rule
    assert (benefit(9.0), benefit(5.0), benefit(1.0)) == (0.0, 0.5, 1.0)
