"""Whole trials on an encoder-decoder and on a decoder, with methods of every family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness import sweep
from harness.config import run_config, trial_config
from harness.entry import compose
from tests.own_model import own_text, write_model, write_table, write_text

pytestmark = pytest.mark.slow

METHODS = ("full", "lora", "dora", "houlsby", "prompt_tuning", "prefix_tuning", "bitfit")


@pytest.fixture(scope="module", params=["t5", "gpt2"])
def records(request, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    write_model(folder / "model", request.param)
    write_table(folder / "data.csv")
    write_text(folder / "notes.txt")
    given = [
        "sweep=smoke", "size=4", f"results={folder}/results", "measure.sequence_length=8",
        "model=path", f"model.path={folder}/model", "model.pooling=last",
        "task=csv", f"task.path={folder}/data.csv", "task.max_length=16",
        *own_text(folder / "notes.txt"),
    ]  # fmt: skip
    cfgs = [compose([*given, f"method={method}"]) for method in METHODS]
    found = sweep.run_sweep([trial_config(cfg) for cfg in cfgs], run_config(cfgs[0]))
    return {record["method"]: {**record, "model": request.param} for record in found}


def test_every_method_that_is_defined_there_ends_well(records):
    for method, record in records.items():
        if (method, record["model"]) == ("bitfit", "t5"):
            assert record["status"] == "failed"
            assert record["reason"].startswith("method=bitfit: needs a model with bias terms")
        else:
            assert (record["status"], record["reason"]) == ("ok", None), method


def test_loss_on_plain_text_is_that_of_the_base_where_the_adapter_is_off(records):
    for record in records.values():
        if record["status"] == "ok":
            found = record["forgetting"]
            # The output of GPT-2 is tied to its embeddings, so that it always has a head.
            own = {"gpt2": "causal_lm", "t5": "next_token_readout"}[record["model"]]
            assert found["objective"] == own
            if record["method"] not in ("full", "bitfit"):
                assert found["adapter_off"] == pytest.approx(found["before"], rel=1e-5)


def test_merged_answers_as_unmerged(records):
    for method in ("lora", "dora"):
        assert records[method]["merge"]["max_abs_logit_difference"] < 1e-4


def test_decoder_alone_is_timed_saying_tokens(records):
    for method, record in records.items():
        if record["status"] != "ok":
            continue
        found = record["latency"]["generation"]
        if record["model"] == "t5":
            assert found is None
            assert "not a decoder alone" in record["latency"]["generation_reason"]
            continue
        assert (found["prompt_tokens"], found["new_tokens"]) == (8, 4)
        for name in ("base", "unmerged"):
            for part in ("prefill", "decode_per_token"):
                assert found[name][part]["median_ms"] > 0
        assert (found["merged"] is None) == (not record["merge"]["mergeable"]), method


def test_every_method_serves_several_adapters(records):
    for method, record in records.items():
        if record["status"] == "ok":
            assert record["serving"]["requests_per_s"]["one_at_a_time"] > 0, method
