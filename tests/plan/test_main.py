"""The command as people type it, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def plan(tmp_path: Path):
    """Run the command in an empty folder, with a cache that is empty, too."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "harness.plan", *arguments]
        environment = {"HARNESS_CACHE": str(tmp_path / "cache"), "PATH": "", "HF_HUB_OFFLINE": "1"}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )

    return call


@pytest.mark.slow
def test_last_line_is_the_plan_that_the_readme_shows(plan):
    # Published: 9,175,040 trained, a file of 36,715,216 bytes, 20.76 GiB reserved.
    done = plan(
        "model=llama3_2_3b", "method=lora", "size=32", "batch_size=4", "seq_len=768",
        "dtype=bfloat16", "method.target_modules=[q_proj,v_proj]",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["trainable_parameters"] == 9_175_040
    assert found["total_parameters"] == 3_212_749_824 + 9_175_040
    assert found["adapter_file_bytes"] == 36_715_216
    assert found["train_peak_bytes"] / 2**30 == pytest.approx(20.76, rel=0.02)
    assert found["inference_peak_bytes"] < found["train_peak_bytes"]
    assert sum(found["components"].values()) == found["train_peak_bytes"]
    assert found["seconds"] > 0


@pytest.mark.slow
def test_several_make_a_page_and_one_that_cannot_be_planned_is_said(plan, tmp_path):
    done = plan("-m", "model=smollm2", "method=lora,bitfit", "size=4", "seq_len=32", "out=p.html")
    assert (done.returncode, done.stderr) == (1, "")
    last = json.loads(done.stdout.splitlines()[-1])
    lora, bitfit = last["plans"]
    assert lora["train_peak_bytes"] > 0
    assert "needs a model with bias terms" in bitfit["error"]
    page = (tmp_path / last["page"]).read_text("utf-8")
    assert "smollm2" in page
    assert "needs a model with bias terms" in page
    assert "84" in page  # what everybody quotes


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("model=llama9", "model=llama9: did you mean"),
        ("method=lorra", "method=lorra: did you mean lora"),
        ("seq_len=0", "seq_len=0: "),
        ("-m method=lora,full model=smollm2,llama2_7b", "a table is of one model"),
    ],
)
def test_wrong_input_is_one_line_before_anything_is_built(plan, arguments, told):
    done = plan(*arguments.split())
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("error: ")
    assert told in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("seq_len=8193", "seq_len=8193: exceeds the model's context of 8192 tokens"),
        ("method=prompt_tuning size=64 seq_len=8150", "with 64 virtual tokens before them"),
        ("method=bitfit", "needs a model with bias terms"),
        ("method=lora size=5000", "method.rank=5000: must be at most"),
        ("model.source.architecture.num_attention_heads=7", "cannot be built"),
    ],
)
def test_what_does_not_fit_the_model_is_one_line(plan, arguments, told):
    done = plan("model=smollm2", *arguments.split())
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert told in done.stderr
