from __future__ import annotations

import pytest

from harness.analysis.entry import Entry
from harness.analysis.study import studies
from tests import further, records


def fully(*made: dict) -> tuple[Entry, ...]:
    (only,) = studies(records.frame([further.measured(row) for row in made]))
    return only.entries


def changed(made: dict, **changes: object) -> dict:
    for key, value in changes.items():
        records.change(made, key, value)
    return made


def entries(*made: dict) -> tuple[Entry, ...]:
    (only,) = studies(records.frame(list(made)))
    return only.entries


def test_every_new_group_is_read_from_the_record() -> None:
    made = further.measured(records.record("lora", 4))
    (entry,) = entries(made)
    bits, forgot, serving = made["capacity"], made["forgetting"], made["serving"]
    assert entry["capacity"].value == bits["bits"]
    assert (entry["capacity"].low, entry["capacity"].high) == (bits["ci_low"], bits["ci_high"])
    assert entry["bits_per_parameter"].value == bits["bits_per_parameter"]
    assert entry["forgetting"].value == forgot["increase"]["value"]
    assert entry["forgetting"].high == forgot["increase"]["ci_high"]
    assert entry["loss_adapter_off"].value == forgot["adapter_off"]
    for served in serving["adapters"]:
        n = served["adapters"]
        assert entry[f"served_{n}"].value == served["bytes"]
        assert entry[f"full_models_{n}"].value == served["full_models_bytes"]
    assert entry["switch_ms"].value == serving["switch"]["median_ms"]
    assert entry["mixed_per_s"].value == serving["requests_per_s"]["mixed"]
    assert entry["mixed_over_merged"].low == serving["mixed_over_merged"]["ci_low"]
    assert entry["step_ms"].value == made["training"]["seconds_per_step"]["median_ms"]
    assert len(entry.curves[0]) == len(made["training"]["curve"])


def test_a_missing_figure_has_the_reason_that_its_group_gives() -> None:
    (houlsby,) = fully(records.record("houlsby", 8))
    assert houlsby["mixed_per_s"].reason == "peft has no batches of several adapters for this type"
    assert houlsby["adapter_bytes"].known
    (full,) = fully(records.record("full"))
    assert full["adapter_bytes"].reason == "it changes the base's own weights"
    (bare,) = entries(records.record("lora", 8))
    assert bare["capacity"].reason == "not recorded"


def test_bits_at_the_ceiling_are_a_lower_bound_over_all_seeds() -> None:
    made = [further.measured(records.record("lora", 64, seed)) for seed in (0, 1)]
    made[0]["capacity"]["at_ceiling"], made[1]["capacity"]["at_ceiling"] = False, True
    (entry,) = entries(*made)
    assert entry["capacity"].at_least
    assert entry["bits_per_parameter"].at_least
    (exact,) = entries(made[0])
    assert not exact["capacity"].at_least


def test_bits_and_forgetting_hang_on_no_machine_while_serving_does() -> None:
    made = [further.measured(records.record(m, 8)) for m in ("lora", "houlsby", "ia3")]
    made[2]["environment"]["cpu"] = "Another CPU"
    made[2]["memory"]["train"]["source"] = "cuda"
    foreign = next(e for e in entries(*made) if e.method == "ia3")
    assert foreign["capacity"].known
    assert foreign["forgetting"].known
    for figure in ("adapter_bytes", "served_100", "switch_ms", "same_per_s", "step_ms"):
        assert "not comparable" in foreign[figure].reason


@pytest.mark.parametrize("kind", ["latency", "latency__generation", "training", "serving"])
def test_each_kind_of_unstable_timing_is_named(kind: str) -> None:
    made = further.measured(records.record("lora", 8))
    made["latency"]["generation"] = further.generation(1.2, 1.1)
    (steady,) = entries(made)
    (shaky,) = entries(changed(made, **{f"{kind}__stable": False}))
    assert (steady.unstable, shaky.unstable) == ((), (kind.replace("__", "."),))


def test_one_busy_seed_makes_the_entry_busy() -> None:
    made = [further.measured(records.record("lora", 8, seed)) for seed in (0, 1)]
    assert [e.busy for e in entries(*made)] == [False]
    made[1]["environment"]["busy"] = True
    assert [e.busy for e in entries(*made)] == [True]


def test_a_generator_has_prefill_and_decode() -> None:
    made = further.measured(records.record("lora", 8))
    made["latency"]["generation"] = further.generation(1.2, 1.1)
    (entry,) = entries(made)
    assert (entry["prefill_unmerged"].value, entry["decode_unmerged"].value) == (1.2, 1.1)
    assert entry["decode_merged"].value == 1.0
    made["latency"] |= {"generation": None, "generation_reason": "an encoder"}
    (encoder,) = entries(made)
    assert encoder["decode_unmerged"].reason == "an encoder"
    assert encoder["unmerged"].known


@pytest.mark.parametrize("group", ["capacity", "forgetting", "serving", "energy", "training"])
def test_a_group_whose_fields_are_all_null_gives_its_reason(group: str) -> None:
    made = further.measured(records.record("lora", 8))
    made[group] = dict.fromkeys(made[group]) | {"reason": "no time"}
    figure = {
        "capacity": "capacity",
        "forgetting": "forgetting",
        "serving": "served_10",
        "energy": "training_joules",
        "training": "step_ms",
    }[group]
    (entry,) = entries(made)
    assert entry[figure].reason == "no time"
