"""Plans that ship with the scenarios, against plans made now."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from harness.analysis.scenario import shipped, shipped_plans, wanted_plans
from harness.plan.scenarios import planned

# One of each model, and one in four bits where that can be planned.
SHOWN = [
    "model=t5_base method=ia3 batch_size=8 seq_len=512",
    "model=roberta_base method=lora size=8 objective=classification batch_size=16 seq_len=128",
    "model=llama3_2_3b method=lora size=32 batch_size=4 seq_len=768",
]
IN_FOUR_BITS = "model=llama2_7b method=qlora size=16 batch_size=1 seq_len=512"


@pytest.mark.slow
def test_plans_that_ship_are_what_is_planned_now() -> None:
    lines = [*SHOWN, *([IN_FOUR_BITS] if find_spec("bitsandbytes") else [])]
    assert set(lines) <= set(wanted_plans(shipped()))
    now, then = planned(lines), shipped_plans()
    for line in lines:
        assert now[line].keys() == then[line].keys()
        exact = ("trainable_parameters", "total_parameters")
        assert [now[line][key] for key in exact] == [then[line][key] for key in exact]
        for key in ("train_peak_bytes", "inference_peak_bytes", "adapter_file_bytes"):
            # Another version of a library may hold a few tensors more.
            assert now[line][key] == pytest.approx(then[line][key], rel=0.05)
