"""What a user brings along: a method and a model of their own, beside the shipped ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.own_model import own_text, write_model, write_table, write_text

METHOD = '''
from peft import LoraConfig
from harness.methods.anatomy import layers
from harness.methods.peft_method import PeftMethod

class OutputLoRA(PeftMethod):
    """LoRA on the map that ends the attention."""

    def peft_config(self, backbone):
        targets = [layer.attention.output for layer in layers(backbone)]
        rank = self.config.options["rank"]
        return LoraConfig(**self.options(LoraConfig, r=rank, target_modules=targets))
'''

YAML = """
name: output_lora
family: low_rank
implementation: own_methods:OutputLoRA
size_field: rank
default_size: 2
learning_rate: 1.0e-3
rank: null
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder with a method, a model and a table of somebody's own."""
    (tmp_path / "own_methods.py").write_text(METHOD)
    for group, name, text in (
        ("method", "output_lora", YAML),
        (
            "model",
            "own",
            f"name: own\nsource: {{kind: path, path: {tmp_path}/model}}\npooling: mean",
        ),
    ):
        folder = tmp_path / "mine" / group
        folder.mkdir(parents=True)
        (folder / f"{name}.yaml").write_text(text)
    write_model(tmp_path / "model", "llama")
    write_table(tmp_path / "data.csv")
    write_text(tmp_path / "notes.txt")
    return tmp_path


@pytest.mark.slow
def test_own_method_model_and_data_run_together(mine: Path):
    command = [
        sys.executable, "-m", "harness", "--config-dir", "mine", "method=output_lora", "size=3",
        "model=own", "task=csv", "task.path=data.csv", "task.max_length=16",
        "train=smoke", "measure=smoke", *own_text("notes.txt"),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=mine, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr + done.stdout
    trial = json.loads(done.stdout.splitlines()[-1])["trials"][0]
    record = json.loads((mine / trial["record"]).read_text())
    # two layers of a 32 × 32 map, rank 3
    assert record["parameters"]["adapter"] == 2 * 3 * (32 + 32)
    assert (record["method"], record["model"], record["size"]) == ("output_lora", "own", 3)
    assert record["merge"]["mergeable"]
    assert record["forgetting"]["objective"] == "next_token_readout"
