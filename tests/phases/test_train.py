"""The train phase over two ranks leaves what it leaves on one device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness import trial
from harness.ranks import available
from tests.own_model import write_model, write_table


@pytest.mark.slow
@pytest.mark.cores
@pytest.mark.skipif(available("cpu") < 2, reason="two ranks need two cores")
def test_spread_training_leaves_the_part_and_the_files_of_one_device(trial_of, tmp_path):
    write_model(tmp_path / "model", "llama")  # which drops nothing by chance
    write_table(tmp_path / "data.csv")

    def left(devices: int) -> tuple[dict[str, Any], dict[str, torch.Tensor], Any]:
        folder = tmp_path / str(devices)
        folder.mkdir()
        config = trial_of(
            "model=path", f"model.path={tmp_path}/model", "task=csv", "task.max_length=16",
            f"task.path={tmp_path}/data.csv", "method=dora", "train=smoke", "measure=smoke",
            "device=cpu", "measure.curve_points=2", f"train.devices={devices}",
        )  # fmt: skip
        groups = trial.run("train", config.as_dict(), str(folder), [], str(tmp_path / "prepared"))
        weights = {
            f"{file.name} {name}": tensor
            for file in (folder / "weights").glob("*.safetensors")
            for name, tensor in load_file(file).items()
        }
        return groups, weights, json.loads(Path(folder / "outcomes.json").read_text())

    (groups, weights, outcomes), (expected, wanted, right) = left(2), left(1)
    assert groups["parameters"] == expected["parameters"]
    assert groups["quality"] == expected["quality"]
    assert outcomes == right
    for name in ("steps", "examples", "tokens", "curve"):
        assert groups["training"][name] == expected["training"][name]
    loss = expected["training"]["final_loss"]
    assert groups["training"]["final_loss"] == pytest.approx(loss, abs=1e-5)
    assert weights.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(weights[name], tensor, rtol=0, atol=1e-4)
