"""Published runs of peft on Llama-3.2-3B: what they train and store, without their weights."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from harness.models import outline
from tests.backbones import trained

ROWS = [
    line
    for line in (Path(__file__).parent / "published_runs.csv").read_text("utf-8").splitlines()
    if not line.startswith("#")
]
RUNS = {row["run"]: row for row in csv.DictReader(ROWS)}
SLOW = ("boft/llama-3.2-3B-default",)  # draws what others need no values for


@pytest.mark.parametrize(
    "run", [pytest.param(run, marks=pytest.mark.slow if run in SLOW else ()) for run in RUNS]
)
def test_published_parameters_and_file_are_found_to_the_byte(trial_of, method_of, run):
    row = RUNS[run]
    base = outline(trial_of("model=llama3_2_3b").model, AutoModelForCausalLM)
    method = method_of(row["method"], *row["options"].split())
    adapted = method.adapt(base.to(torch.bfloat16))
    if row["trainable_parameters"]:
        assert sum(p.numel() for p in trained(adapted)) == int(row["trainable_parameters"])
    if row["adapter_file_bytes"]:
        assert method.file_bytes(adapted) == int(row["adapter_file_bytes"])
