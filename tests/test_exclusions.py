"""Which combinations of a sweep are left out."""

from __future__ import annotations

import pytest

from harness.entry import compose
from harness.errors import ConfigError
from harness.exclusions import left_out


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{method:lora}", True),
        ("{method:lora,model:minilm}", True),
        ("{method:lora,size:4,seed:0}", True),
        ("{method:lora,model:bert_tiny}", False),
        ("{method:lora,size:8}", False),
    ],
)
def test_all_parts_of_a_condition_have_to_hold(condition, expected):
    cfg = compose(["method=lora", "model=minilm", "size=4", f"leave_out=[{condition}]"])
    assert left_out(cfg) is expected


def test_one_of_several_conditions_is_enough():
    given = "leave_out=[{method:full},{task:rotten_tomatoes}]"
    assert left_out(compose([given]))


@pytest.mark.parametrize("command", ["config", "report", "select", "plan", "recipes"])
def test_nothing_is_left_out_unasked(command):
    assert not left_out(compose([], command))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("leave_out=lora", "leave_out=lora: is a list"),
        ("leave_out=[lora]", "leave_out=lora: is a condition"),
        ("leave_out=[{metod:lora}]", "leave_out=metod.*method"),
    ],
)
def test_what_is_no_condition_is_refused(given, told):
    with pytest.raises(ConfigError, match=told):
        left_out(compose([given]))


def test_breadth_leaves_out_what_cannot_be_alone():
    cells = [
        (method, model) for method in ("bitfit", "lora") for model in ("minilm", "flan_t5_small")
    ]
    found = [left_out(compose(["sweep=breadth", f"method={m}", f"model={o}"])) for m, o in cells]
    assert found == [False, True, False, False]
