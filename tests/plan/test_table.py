"""Many plans as rows, lines and a page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.errors import ConfigError
from harness.plan import answer, table
from harness.plan.request import Request, request_of
from tests.plan.composed import composed

GIB = 2**30


def request(*overrides: str) -> Request:
    return request_of(composed("model=smollm2", "seq_len=64", *overrides))


def answered(train: int = 20 * GIB, **changes: Any) -> dict[str, Any]:
    """What a plan may say; invented."""
    parts = {"weights": train - 3, "gradients": 1, "optimizer": 1, "activations": 1}
    return {
        "model": "smollm2",
        "method": "lora",
        "size": 8,
        "batch_size": 4,
        "seq_len": 64,
        "trainable_parameters": 1_000,
        "total_parameters": 100_000,
        "adapter_file_bytes": 4_096,
        "train_peak_bytes": train,
        "inference_peak_bytes": 6 * GIB,
        "train_reserved_bytes": None,
        "components": parts,
        "inference_components": parts,
        "seconds": 1.0,
        **changes,
    }


def test_rows_hold_what_was_asked_and_what_was_answered():
    requests = [request("method=lora", "size=8"), request("method=bitfit")]
    found = table.fit_table(requests, [answered(), {"error": "no bias terms"}])
    lora, bitfit = found.rows
    assert (lora.method, lora.size, lora.size_field, lora.shape) == ("lora", 8, "rank", (4, 64))
    assert (lora.train_peak_bytes, lora.weights) == (20 * GIB, 20 * GIB - 3)
    assert (bitfit.error, bitfit.train_peak_bytes) == ("no bias terms", None)
    assert (found.model, found.parameters) == ("smollm2", 100_000)


def test_lines_name_the_smallest_card_with_room_beside_the_peak():
    requests = [request("method=lora", f"size={size}") for size in (1, 2, 4, 8)]
    peaks = (6 * GIB, 7 * GIB, 7 * GIB + 1, 200 * GIB)
    found = [answered(train=peak) for peak in peaks]
    lines = table.lines(table.fit_table(requests, found))
    # One GiB of each card is left to the CUDA context and the allocator.
    assert [line.split("  ")[-1].strip() for line in lines[1:]] == [
        "8 GiB", "8 GiB", "16 GiB", "more than 141 GiB",
    ]  # fmt: skip


def test_a_plan_that_failed_is_a_line_with_its_reason():
    lines = table.lines(table.fit_table([request("method=bitfit")], [{"error": "no bias terms"}]))
    assert lines[-1].endswith("no bias terms")


def test_plans_of_a_table_differ_in_method_and_shape_alone():
    one = request("method=lora", "size=8")
    table.check([one, request("method=full", "batch_size=1"), replace(one, seq_len=8)])
    with pytest.raises(ConfigError, match="model=llama3_2_3b,smollm2: a table is of one model"):
        table.check([one, request_of(composed("model=llama3_2_3b"))])
    with pytest.raises(ConfigError, match="differs in method"):
        table.check([one, request("method=lora", "size=8", "optimizer=sgd")])


def test_arithmetic_is_of_full_fine_tuning_of_the_model_that_everybody_quotes():
    asked = table.arithmetic_requests("cuda")
    assert {each.method.name for each in asked} == {"full"}
    assert {each.model.name for each in asked} == {"llama2_7b"}
    assert [(each.model.dtype, each.train.autocast) for each in asked] == [
        ("bfloat16", False), ("float32", True), ("float32", False),
    ]  # fmt: skip
    found = table.fit_table([request()], [answered()], [answered()] * 3)
    quoted = found.arithmetic[0]
    assert quoted.weights + quoted.gradients + quoted.optimizer == quoted.total == 84 * 10**9
    assert all(row.total == 20 * GIB for row in found.arithmetic[1:])


def test_answer_for_people_tells_counts_file_and_parts():
    lines = answer.lines(answered(train_reserved_bytes=22 * GIB))
    assert lines[0] == "lora 8 on smollm2, 4 x 64 tokens"
    assert "1,000 of 100,000 parameters (1.000%)" in lines[1]
    assert "4,096 bytes" in lines[2]
    assert lines[4].split()[:2] == ["training", "20.00"]
    assert lines[-1] == "training reserves 22.00 GiB of torch's allocator"
