from __future__ import annotations

import pytest

from harness import trial as trial_module
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


def test_trials_that_differ_in_seed_and_rate_alone_are_tried_once(trial_of, monkeypatch):
    tried = []

    def outline(model):
        tried.append(model.name)
        return real(model)

    real = trial_module.outline
    monkeypatch.setattr(trial_module, "outline", outline)
    alike = [("seed=0",), ("seed=1",), ("train.learning_rate=0.5",)]
    others = [("size=3",), ("train.steps=7",), ("method=prefix_tuning",)]
    configs = {
        " ".join(each): trial_of("model=bert_tiny", "device=cpu", "method=lora", *each).as_dict()
        for each in (*alike, *others)
    }
    assert check(configs) == {"problems": {}, "devices": {"cpu": "cpu"}, "stepless": []}
    assert len(tried) == 1 + len(others)


def test_each_of_the_trials_that_were_tried_once_has_the_problem(trial_of):
    configs = {
        str(seed): trial_of(
            "model=bert_tiny", "device=cpu", "method=lora_fa", "train.optimizer=sgd", f"seed={seed}"
        ).as_dict()
        for seed in range(3)
    }
    problems = check(configs)["problems"]
    assert sorted(problems) == ["0", "1", "2"]
    assert len(set(problems.values())) == 1
