"""The small lab: its counts, its six sentences, and that its adapter is the harness's own."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from harness.methods.bottleneck.config import BottleneckConfig
from harness.methods.bottleneck.layer import BottleneckLayer
from harness.methods.bottleneck.placement import after_linear

LAB = Path(__file__).parents[2] / "examples" / "bottleneck_lab.py"
WIDTH, WORDS, CLASSES = 16, 32, 2


def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(LAB), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def figure(told: str, name: str) -> int:
    found = re.search(rf"^{name} +(\d+)", told, re.MULTILINE)
    assert found, told
    return int(found[1])


def test_694_parameters_of_which_182_are_trained_and_all_six_sentences_right():
    done = lab()
    assert done.returncode == 0, done.stderr
    assert figure(done.stdout, "total") == 694
    assert figure(done.stdout, "trainable") == figure(done.stdout, "by hand") == 182
    assert len(re.findall(r"^right  (?:fresh|rotten) ", done.stdout, re.MULTILINE)) == 6
    assert done.stdout.endswith("6 of 6\n")


@pytest.mark.parametrize("dim", [1, 2, 8, 16])
def test_counts_follow_the_bottleneck(dim):
    told = lab("--bottleneck", str(dim)).stdout
    trained = 2 * WIDTH * dim + dim + WIDTH + CLASSES * WIDTH + CLASSES
    assert figure(told, "trainable") == figure(told, "by hand") == trained
    assert figure(told, "total") == WORDS * WIDTH + trained


def test_same_run_says_the_same():
    assert lab().stdout == lab().stdout


@pytest.mark.parametrize("value", ["0", "-3", "x", "1.5"])
def test_bottleneck_that_is_none_is_one_line(value):
    done = lab(f"--bottleneck={value}")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert f"--bottleneck: {value}: must be a whole number of at least 1" in done.stderr


@pytest.mark.parametrize("dim", [1, 4, 8])
def test_adapter_is_that_of_the_harness_in_size_and_in_what_it_computes(dim):
    torch.manual_seed(0)
    own = runpy.run_path(str(LAB))["Bottleneck"](WIDTH, dim)
    assert torch.equal(own(torch.eye(WIDTH)), torch.eye(WIDTH)), "it starts as the encoder"
    nn.init.normal_(own.up.weight)
    config = BottleneckConfig(bottleneck_dim=dim, hidden_size=WIDTH, non_linearity="tanh")
    layer = BottleneckLayer(nn.Linear(WIDTH, WIDTH), "default", config, after_linear)
    down, up = layer.bottleneck_down["default"], layer.bottleneck_up["default"]
    own_size = sum(p.numel() for p in own.parameters())
    assert own_size == sum(p.numel() for m in (down, up) for p in m.parameters())
    down.load_state_dict(own.down.state_dict())
    up.load_state_dict(own.up.state_dict())
    x = torch.randn(3, WIDTH)
    torch.testing.assert_close(layer(x), own(layer.base_layer(x)))
