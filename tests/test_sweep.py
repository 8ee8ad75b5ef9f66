"""Sweeps on real data with the tiniest real model: whole, resumed, killed and wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from harness import load, runner, sweep
from harness.config import run_config
from harness.entry import CONF, compose
from harness.sources import with_sources
from harness.store import RECORD, flat, read_json

pytestmark = [pytest.mark.network, pytest.mark.slow]

METHODS = sorted(path.stem for path in (CONF / "method").glob("*.yaml"))
MERGED = {"lora", "lora_plus", "lora_fa", "dora", "qlora", "ia3"}
WIDTH, LAYERS, INNER = 128, 2, 512  # of bert_tiny
HEAD = 2 * WIDTH + 2


def run(results: Path, *overrides: str) -> dict[str, dict[str, Any]]:
    """Run trials given as overrides of the smoke sweep; records by method."""
    cfgs = [compose(["sweep=smoke", "size=4", f"results={results}", *o.split()]) for o in overrides]
    records = sweep.run_sweep([with_sources(cfg) for cfg in cfgs], run_config(cfgs[0]))
    return {record["method"]: record for record in records}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def records(results: Path) -> dict[str, dict[str, Any]]:
    """Every method of the smoke sweep, run once."""
    return run(results, *(f"method={method}" for method in METHODS))


def test_every_method_ends_well_and_leaves_all_groups(records):
    assert sorted(records) == METHODS
    for record in records.values():
        assert (record["status"], record["reason"], record["phase"]) == ("ok", None, "done")
        for group in ("parameters", "quality", "memory", "latency", "training", "merge",
                      "forgetting", "energy", "serving", "environment", "config"):  # fmt: skip
            assert record[group], (record["method"], group)


def test_trained_parameters_follow_the_closed_forms(records):
    bottleneck = 2 * WIDTH * 4 + 4 + WIDTH
    linears = LAYERS * (4 * 2 * WIDTH + 2 * (WIDTH + INNER))
    expected = {
        "head": 0,
        "lora": 4 * linears,
        "houlsby": 2 * LAYERS * bottleneck,
        "pfeiffer": LAYERS * bottleneck,
        "ia3": LAYERS * (2 * WIDTH + INNER),
        "prompt_tuning": 4 * WIDTH,
    }
    for method, adapter in expected.items():
        found = records[method]["parameters"]
        assert (found["adapter"], found["head"]) == (adapter, HEAD)
        assert found["trainable"] == adapter + HEAD
    # The MLP of the prefixes is trained and not stored.
    found = records["prefix_tuning"]["parameters"]
    assert found["adapter"] == LAYERS * 4 * 2 * WIDTH
    assert found["trainable"] > found["adapter"] + HEAD


def test_stored_bytes_are_those_of_the_file(records, results):
    for method in ("lora", "houlsby", "prompt_tuning"):
        record = records[method]
        path = results / record["trial"] / "weights" / "adapter_model.safetensors"
        parameters = record["parameters"]
        assert parameters["file_bytes"] == path.stat().st_size
        # 4 bytes a number, and a header of names
        assert 0 < parameters["file_bytes"] - 4 * parameters["adapter"] < 10_000


@pytest.mark.parametrize("method", sorted(MERGED - {"qlora"}))
def test_merged_model_answers_as_the_unmerged_one(records, method):
    record = records[method]
    assert record["merge"]["mergeable"]
    assert record["merge"]["max_abs_logit_difference"] < 1e-4
    assert record["quality"]["after_merge"] == record["quality"]["value"]
    assert record["latency"]["merged_over_base"]["value"] > 0


def test_merge_into_a_dequantised_base_reports_its_error(records):
    merge = records["qlora"]["merge"]
    assert merge["mergeable"]
    # The CPU's kernel for four bits works in bfloat16.
    assert 0 < merge["max_abs_logit_difference"] < 0.1


def test_base_in_four_bits_takes_less_memory_with_as_many_parameters(records):
    plain, packed = records["lora"], records["qlora"]
    assert packed["parameters"] == plain["parameters"] | {
        "file_bytes": packed["parameters"]["file_bytes"]
    }
    saved = plain["memory"]["inference"]["weights"] - packed["memory"]["inference"]["weights"]
    maps = LAYERS * (4 * WIDTH * WIDTH + 2 * WIDTH * INNER)
    # 32 bits less 4, and less than one for the constants
    assert maps * 27 / 8 < saved < maps * 28 / 8


def test_what_does_not_merge_says_why_and_has_no_merged_latency(records):
    for method in set(METHODS) - MERGED:
        record = records[method]
        assert not record["merge"]["mergeable"]
        assert record["merge"]["reason"]
        assert record["latency"]["merged"] is None
        assert record["quality"]["after_merge"] is None


def test_every_method_serves_several_adapters_or_says_why_not(records):
    for method, record in records.items():
        serving = record["serving"]
        assert serving["adapters"] or serving["reason"], method
        if serving["adapters"]:
            mixed = serving["requests_per_s"]["mixed"]
            assert (mixed is None) == bool(serving["reason"]), method
    assert {m for m, r in records.items() if not r["serving"]["adapters"]} == {"head"}
    mixed = {m for m, r in records.items() if r["serving"]["mixed_over_one_at_a_time"]}
    assert mixed == {"lora", "lora_plus", "lora_fa", "qlora"}


def test_outcomes_beside_the_record_give_its_quality(records, results):
    for record in records.values():
        outcomes = read_json(results / record["trial"] / "outcomes.json")
        assert outcomes is not None
        assert len(set(outcomes["ids"])) == len(outcomes["ids"]) == record["quality"]["n"] == 64
        assert sum(outcomes["scores"]) / 64 == record["quality"]["value"]
    ids = [
        read_json(results / r["trial"] / "outcomes.json")["ids"]  # type: ignore[index]
        for r in records.values()
    ]
    assert all(found == ids[0] for found in ids), "methods are compared on the same examples"


def test_samples_behind_the_latencies_are_kept(records, results):
    record = records["lora"]
    samples = read_json(results / record["trial"] / "latency.json")["samples"]  # type: ignore[index]
    single, batch = record["latency"], record["latency"]["batch"]
    for name, figures in (("batch_size=1", single), ("batch_size=4", batch)):
        assert set(samples[name]) == {"base", "unmerged", "merged"}
        assert {len(taken) for taken in samples[name].values()} == {figures["base"]["n"]}


def test_memory_has_its_parts_and_full_fine_tuning_needs_the_most(records):
    for record in records.values():
        train = record["memory"]["train"]
        parts = ("weights", "gradients", "optimizer", "activations")
        assert sum(train[part] for part in parts) == train["allocated_peak"]
        inference = record["memory"]["inference"]
        assert inference["allocated_peak"] < train["allocated_peak"]
        assert record["memory"]["load"]["process_peak"] > 0
        assert record["memory"]["unpredicted"] is None
        for peak in (train, inference):
            assert peak["predicted"] == pytest.approx(peak["allocated_peak"], rel=0.002)
    peaks = {m: r["memory"]["train"]["allocated_peak"] for m, r in records.items()}
    assert max(peaks, key=peaks.__getitem__) == "full"
    full = records["full"]["memory"]["train"]
    assert full["weights"] == 4 * records["full"]["parameters"]["total"] + 8 * 512 * 2 or (
        full["weights"] >= 4 * records["full"]["parameters"]["total"]
    )
    assert full["optimizer"] >= 2 * 4 * records["full"]["parameters"]["trainable"]


def test_training_has_its_speed_and_its_curve_ends_at_the_validation_quality(records):
    for method, record in records.items():
        training = record["training"]
        assert training["seconds_per_step"]["n"] == 2 * 2
        assert isinstance(training["stable"], bool)
        if method not in ("head", "transfer"):
            assert training["curve"] == [{"step": 4, "validation": record["quality"]["validation"]}]


def test_every_method_leaves_its_capacity_on_the_same_labels(records):
    for method, record in records.items():
        found = record["capacity"]
        assert found["ceiling_bits"] == 50 * 2 * 10, method
        assert 0 <= found["bits"] <= found["ceiling_bits"]
        assert found["ci_low"] <= found["bits"] <= found["ci_high"]
        stepless = method in ("head", "transfer")
        assert len(found["tried"]) == (0 if stepless else 2)
        # What the task trains beside its head; the fit has no head.
        assert found["parameters"] == record["parameters"]["trainable"] - HEAD
        assert found["bits"] > 0 or found["reason"], method


def test_record_shown_in_the_docs_has_the_fields_of_one_that_was_run(records):
    shown = read_json(CONF.parent / "docs" / "record.json")
    assert shown is not None
    assert set(flat(shown)) == set(flat(records["lora"]))


def test_running_again_does_nothing(records, results, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in results.glob("*/*")}

    def no_process(*arguments: object) -> None:
        raise AssertionError("a process was started for a trial that is done")

    monkeypatch.setattr(runner, "Processes", no_process)
    again = run(results, *(f"method={method}" for method in METHODS))
    assert again == records
    assert {path: path.stat().st_mtime_ns for path in results.glob("*/*")} == before


def test_table_leads_back_to_the_records(records, results):
    frame = load(results)
    # The adapters that are fused come from two trials more, one of them on another task.
    assert len(frame) == len(METHODS) + 2
    for _, row in frame.iterrows():
        record = read_json(Path(row["path"]))
        assert record is not None
        assert row["quality.value"] == record["quality"]["value"]
        assert (
            row["latency.unmerged_over_base.value"]
            == (record["latency"]["unmerged_over_base"]["value"])
        )


def test_each_trial_has_its_log_and_no_leftovers(records, results):
    for record in records.values():
        folder = results / record["trial"]
        stepless = record["method"] in ("head", "transfer")
        assert "step 4/4" in (folder / "log.txt").read_text() or stepless
        assert {path.name for path in folder.iterdir()} == {
            "record.json", "outcomes.json", "latency.json", "log.txt", "weights",
        }  # fmt: skip
    assert not (results / ".prepared").exists()


def test_same_seed_gives_the_same_trial_and_another_seed_another(tmp_path, records):
    again = run(tmp_path, "method=lora")["lora"]
    assert again["trial"] == records["lora"]["trial"]
    assert again["training"]["final_loss"] == records["lora"]["training"]["final_loss"]
    other = run(tmp_path, "method=lora seed=1")["lora"]
    assert other["trial"] != again["trial"]
    assert other["training"]["final_loss"] != again["training"]["final_loss"]


def test_trial_that_diverges_is_a_record_and_stops_nobody(tmp_path):
    found = run(tmp_path, "method=full train.learning_rate=1e30", "method=bitfit")
    assert found["full"]["status"] == "diverged"
    assert "the loss is nan at step" in found["full"]["reason"]
    assert found["full"]["quality"] is None
    assert found["bitfit"]["status"] == "ok"
    assert load(tmp_path)["status"].value_counts().to_dict() == {"diverged": 1, "ok": 1}


def test_method_that_does_not_fit_the_model_fails_before_any_training(tmp_path):
    found = run(tmp_path, "method=lora size=500", "method=bitfit")
    assert found["lora"]["status"] == "failed"
    assert found["lora"]["phase"] == "check"
    assert found["lora"]["reason"].startswith("method.rank=500: must be at most 128")
    assert found["bitfit"]["status"] == "ok"
    # A failure is tried again once its cause is gone: the record is no excuse to skip it.
    assert run(tmp_path, "method=lora size=500")["lora"]["status"] == "failed"


def test_three_sweeps_at_once_run_each_trial_once_and_all_end_well(tmp_path):
    arguments = ["-m", "sweep=smoke", f"results={tmp_path}", "method=lora,ia3,bitfit", "size=4"]
    command = [sys.executable, "-m", "harness", *arguments]
    sweeps = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    told = [sweeping.communicate(timeout=500)[0] for sweeping in sweeps]
    assert [sweeping.returncode for sweeping in sweeps] == [0, 0, 0]
    for text in told:
        trials = json.loads(text.splitlines()[-1])["trials"]
        assert [trial["status"] for trial in trials] == ["ok"] * 3
    lines = "\n".join(told).splitlines()
    for stage in ("trained", "measured"):
        assert sum(f" {stage} " in line for line in lines) == 3, f"{stage} once each"
    assert not list(tmp_path.glob("*/.lease"))


def test_killed_sweep_loses_nothing_and_repeats_nothing(tmp_path):
    arguments = ["-m", "sweep=smoke", f"results={tmp_path}", "method=lora,ia3,bitfit", "size=4"]
    command = [sys.executable, "-m", "harness", *arguments]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob(f"*/{RECORD}")):
        assert time.monotonic() < deadline
        assert first.poll() is None
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob(f"*/{RECORD}")}
    assert 1 <= len(kept) < 3, "it was killed in the middle"
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    trials = json.loads(done.stdout.splitlines()[-1])["trials"]
    assert [trial["status"] for trial in trials] == ["ok"] * 3
    assert len(list(tmp_path.glob(f"*/{RECORD}"))) == 3
    for path, written in kept.items():
        assert path.stat().st_mtime_ns == written, "a finished trial was run again"
    assert f"{3 - len(kept)} trials to run" in done.stdout


def test_interrupted_sweep_stops_within_seconds_and_leaves_no_process(tmp_path):
    arguments = ["sweep=smoke", f"results={tmp_path}", "method=lora", "size=4", "train.steps=10000"]
    sweeping = subprocess.Popen(
        [sys.executable, "-m", "harness", "-m", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A suite that runs in the background of a shell passes on that interrupts are ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not any("step" in log.read_text() for log in tmp_path.glob("*/log.txt")):
        assert time.monotonic() < deadline
        assert sweeping.poll() is None
        time.sleep(0.05)
    sweeping.send_signal(signal.SIGINT)
    _, told = sweeping.communicate(timeout=30)
    assert sweeping.returncode == 130
    assert "Traceback" not in told
    assert "run the same command again" in told
    assert not list(tmp_path.glob(f"*/{RECORD}"))


def swept(preset: str) -> set[str]:
    found = OmegaConf.load(CONF / "sweep" / f"{preset}.yaml")
    return set(found.hydra.sweeper.params.method.split(","))


def test_smoke_and_named_sweep_every_shipped_method():
    assert swept("smoke") == swept("named") == swept("breadth") == set(METHODS)


def test_quick_sweep_has_each_family():
    families = {compose([f"method={method}"]).method.family for method in METHODS}
    assert {compose([f"method={method}"]).method.family for method in swept("quick")} == families
