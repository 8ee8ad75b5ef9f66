from __future__ import annotations

import pytest

from harness.trial import check
from tests.own_model import write_model, write_table


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (("measure.sequence_length=32",), None),
        (("measure.sequence_length=33",), "after a timed prompt of 33"),
        (("method=prompt_tuning", "size=4", "measure.sequence_length=29"),
         "after a timed prompt of 33"),
        (("measure.sequence_length=33", "measure.new_tokens=null"), None),
    ],
)  # fmt: skip
def test_prompt_and_new_tokens_have_to_fit_a_decoders_context(
    trial_of, tmp_path, overrides, problem
):
    write_model(tmp_path / "model", "gpt2")  # of 64 positions
    write_table(tmp_path / "data.csv")
    trial = trial_of(
        "model=path", f"model.path={tmp_path}/model", "task=csv", "task.max_length=16",
        f"task.path={tmp_path}/data.csv", "measure.new_tokens=32",
        "measure.forgetting=null", *overrides,
    )  # fmt: skip
    found = check({"trial": trial.as_dict()})["problems"].get("trial")
    if problem is None:
        assert found is None
    else:
        assert found == f"measure.new_tokens=32: exceeds the model's context of 64 tokens {problem}"


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (("method=lora",), None),
        (("method=lora", "train.optimizer=adafactor", "train.gradient_checkpointing=true"), None),
        (("method=lora_fa", "train.optimizer=sgd"),
         "train.optimizer=sgd: must be adamw: lora_fa brings an AdamW of its own"),
        (("method=prefix_tuning", "train.gradient_checkpointing=true"),
         "train.gradient_checkpointing=True: prefix_tuning puts keys and values before those of"
         " every layer, and transformers lets go of them where layers are computed anew"),
        (("method=peft/adalora", "train.steps=4", "method.tinit=3", "method.tfinal=2"),
         "train.steps=4: must exceed method.tinit + method.tfinal = 5"),
    ],
)  # fmt: skip
def test_recipe_that_a_method_cannot_follow_is_refused_before_anything_runs(
    trial_of, overrides, problem
):
    trial = trial_of("model=bert_tiny", "device=cpu", *overrides)
    assert check({"trial": trial.as_dict()})["problems"].get("trial") == problem


@pytest.mark.parametrize(
    ("method", "problem"),
    [
        ("lora", None),
        ("head", "must be 1: head trains without steps"),
        ("qlora", "must be 1: qlora holds its base in packed bits, which are not cut into pieces"),
        ("lora_fa", "must be 1: lora_fa turns the gradient of each B by the whole of its A"),
        ("peft/osf", "must be 1: peft/osf hooks on the gradients of its tensors, which their pieces"
         " do not have"),
        ("peft/vblora", "must be 1: encoder.layer.0 and encoder.layer.1 have one weight in common,"
         " attention.self.query.vblora_vector_bank.default"),
    ],
)  # fmt: skip
def test_what_one_device_alone_can_train_is_refused_before_anything_runs(
    trial_of, monkeypatch, method, problem
):
    if method == "qlora":
        pytest.importorskip("bitsandbytes")
    monkeypatch.setattr("harness.trial.available", lambda device: 2)
    trial = trial_of("model=bert_tiny", "device=cpu", f"method={method}", "train.devices=2")
    found = check({"trial": trial.as_dict()})["problems"].get("trial")
    assert found == (problem and f"train.devices=2: {problem}")


def test_more_devices_than_there_are_are_refused_before_anything_runs(trial_of, monkeypatch):
    monkeypatch.setattr("harness.trial.available", lambda device: 2)
    trial = trial_of("model=bert_tiny", "device=cpu", "train.devices=3")
    found = check({"trial": trial.as_dict()})["problems"]["trial"]
    assert found == "train.devices=3: must be at most 2, the cores found"
