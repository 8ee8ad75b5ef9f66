"""A published run as a record: every figure as it was published, and nothing that was not."""

from __future__ import annotations

import json
from pathlib import Path

import peft
import pytest
from scipy.stats import binomtest

from harness.config import SCHEMA
from harness.ingest.published import read
from harness.ingest.record import record_of
from tests import published, records

ADALORA = {"model.layers.0.self_attn.q_proj.lora_E": [True, False] * 32}


@pytest.fixture
def ingested(tmp_path: Path):
    def ingest(experiment: str = published.LORA, **how: object) -> dict:
        path = tmp_path / "run.json"
        path.write_text(json.dumps(published.result(experiment, **how)), "utf-8")
        return record_of(read(path, "run.json"))

    return ingest


@pytest.mark.parametrize("experiment", published.ROWS)
def test_figures_come_through_unchanged(ingested, experiment):
    row, record = published.ROWS[experiment], ingested(experiment)
    right = int(row["right"])
    interval = binomtest(right, 1319).proportion_ci(method="wilson")
    quality = record["quality"]
    assert quality["value"] == right / 1319
    assert (quality["n"], quality["validation"]) == (1319, float(row["validation"]))
    assert quality["ci_low"] == pytest.approx(interval.low, abs=1e-9)
    assert quality["ci_high"] == pytest.approx(interval.high, abs=1e-9)
    train = record["memory"]["train"]
    assert train["reserved_peak"] == int(row["reserved_max"])
    assert train["reserved_99th"] == int(row["reserved_99th"])
    assert train["reserved_mean"] == int(row["reserved_mean"])
    assert train["allocated_peak"] is None
    parameters = record["parameters"]
    assert parameters["trainable"] == int(row["trainable"])
    assert parameters["total"] == int(row["total"])
    stored = int(row["file_bytes"])
    assert parameters["file_bytes"] == (None if stored == 99999999 else stored)
    training = record["training"]
    assert training["final_loss"] == float(row["loss"])
    assert training["tokens"] == int(row["tokens"])
    assert training["examples_per_s"] == pytest.approx(1000 / float(row["last_250_steps_s"]))
    assert training["tokens_per_s"] == pytest.approx(float(row["tokens_per_s"]))
    environment = record["environment"]
    assert (environment["torch"], environment["gpu"]) == (row["torch"], row["gpu"])
    assert environment["started"] == record["origin"]["created_at"] == row["created_at"]


def test_both_generations_of_field_names_give_the_same_record(ingested):
    old, new = ingested(former_names=True), ingested()
    assert old.pop("trial") != new.pop("trial")
    assert old == new


def test_record_has_the_fields_of_our_own_and_marks_where_it_comes_from(ingested):
    record = ingested()
    own = records.record()
    assert own.keys() <= record.keys()
    assert record["schema"] == SCHEMA
    assert record["stage"] == "final"
    assert (record["model"], record["task"]) == ("llama3_2_3b", "metamathqa")
    origin = record["origin"]
    assert origin["project"] == "peft method_comparison"
    assert (origin["benchmark"], origin["run"]) == ("MetaMathQA", published.LORA)
    for unmeasured in ("latency", "capacity", "forgetting", "serving", "energy"):
        assert record[unmeasured] is None
    assert record["merge"]["mergeable"] is None
    assert record["merge"]["reason"] == "not measured by the published run"


@pytest.mark.parametrize(
    ("experiment", "method", "family", "size", "field"),
    [
        ("lora/llama-3.2-3B-rank32", "lora", "low_rank", 32, "rank"),
        ("lora/llama-3.2-3B-rank32-dora", "dora", "low_rank", 32, "rank"),
        ("lora/llama-3.2-3B-rank32-lorafa", "lora_fa", "low_rank", 32, "rank"),
        ("full-finetuning/llama-3.2-3B-lr_0.00001", "full", "full", None, None),
        ("ia3/llama-3.2-3B-default", "ia3", "rescale", None, None),
        ("prefixtuning/llama-3.2-3B-lr_0.001", "p_tuning_v2", "prompt", 200, "num_virtual_tokens"),
        ("ptuning/llama-3.2-3B-default", "p_tuning", "prompt", 20, "num_virtual_tokens"),
        ("prompt_tuning/llama-3.2-3B-default", "prompt_tuning", "prompt", 200,
         "num_virtual_tokens"),
        ("vera/llama-3.2-3B-default", "peft/vera", "low_rank", 256, "r"),
        ("oft/llama-3.2-3B-rank32", "peft/oft", "other", None, None),
        ("ln_tuning/llama-3.2-3B-default", "peft/ln_tuning", "selective", None, None),
        ("bone/llama-3.2-3B-bat", "peft/bone", "other", 64, "r"),  # no longer in peft
    ],
)  # fmt: skip
def test_method_has_the_name_family_and_size_that_it_has_here(
    ingested, experiment, method, family, size, field
):
    record = ingested(experiment)
    found = tuple(record[name] for name in ("method", "family", "size", "size_field"))
    assert found == (method, family, size, field)


def test_prefix_with_a_projection_is_prefix_tuning(ingested):
    record = ingested(
        "prefixtuning/llama-3.2-3B-lr_0.001", run_info__peft_config__prefix_projection=True
    )
    assert record["method"] == "prefix_tuning"


@pytest.mark.parametrize(
    ("config", "options"),
    [
        (
            peft.LoraConfig(r=32, lora_alpha=64, target_modules=["v_proj", "q_proj"]),
            {"rank": 32, "lora_alpha": 64, "target_modules": ["q_proj", "v_proj"]},
        ),
        (
            peft.LoraConfig(r=8, use_rslora=True, init_lora_weights=False),
            {"rank": 8, "use_rslora": True, "init_lora_weights": False},
        ),
        (peft.VeraConfig(r=64, target_modules="all-linear"),
         {"r": 64, "target_modules": "all-linear"}),
        (peft.IA3Config(target_modules=["k_proj"], feedforward_modules=[]),
         {"target_modules": ["k_proj"]}),
        (peft.PromptTuningConfig(num_virtual_tokens=5), {"num_virtual_tokens": 5,
                                                         "prompt_tuning_init": "RANDOM"}),
    ],
)  # fmt: skip
def test_options_are_those_that_differ_from_the_defaults_of_peft(ingested, config, options):
    plain = {k: list(v) if isinstance(v, set) else v for k, v in config.to_dict().items()}
    plain["peft_type"] = plain["peft_type"].value
    record = ingested(run_info__peft_config=json.loads(json.dumps(plain, default=str)))
    assert record["config"]["method"]["options"] == options


def test_what_training_found_is_no_option_and_a_long_one_is_told_by_its_digest(ingested):
    config = {"peft_type": "ADALORA", "r": 8, "target_r": 32, "rank_pattern": ADALORA}
    names = [f"model.layers.{n}" for n in range(28)]
    record = ingested(run_info__peft_config=config | {"target_modules": names})
    options = record["config"]["method"]["options"]
    assert options.keys() == {"target_r", "target_modules"}
    assert (record["method"], record["size"]) == ("peft/adalora", 32)
    assert options["target_modules"].startswith("sha256:")
    assert len(options["target_modules"]) == 19


def test_settings_of_other_versions_tell_recipes_apart(ingested):
    plain, other = (
        ingested(f"lora/llama-3.2-3B-rank64-steps1000{ff}")["config"]["train"] for ff in ("", "-ff")
    )
    assert other == plain | {"fast_forward": True}


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("CUDA out of memory. Tried to allocate 2.00 GiB\nmore", "out_of_memory"),
        ("manually \x1b[31mcanceled", "failed"),
    ],
)
def test_run_that_was_cancelled_is_a_failure_with_a_reason_in_a_line(ingested, message, status):
    record = ingested(
        run_info__error_msg=message, train_info__status="canceled", train_info__metrics=[]
    )
    assert record["status"] == status
    assert record["reason"].startswith("canceled: ")
    assert record["reason"].isprintable()
    assert record["quality"] is record["training"] is None


def test_another_model_keeps_its_name_on_the_hub(ingested):
    record = ingested(run_info__train_config__model_id="someone/else-1B")
    assert record["model"] == record["config"]["model"]["source"]["repo"] == "someone/else-1B"
