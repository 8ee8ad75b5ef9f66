"""Plans held to what they foresee: the same models made of numbers, trained and asked on a CPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import peft_types
from harness.bench.actual import actual_inference, actual_training, save_base
from harness.config import ModelConfig, Source
from harness.entry import compose
from harness.errors import ConfigError
from harness.measure.live_tensors import Peak
from harness.models import architecture
from harness.plan import answer, predict
from harness.plan.request import Request
from harness.plan.trace import trace_inference, trace_training
from harness.sources import with_sources

DEPTH = 6
CONTEXT = 96
COMMON = {"vocab_size": 101}
BERTS = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": 4,
    "max_position_embeddings": CONTEXT,
}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "bert": BERTS,
    "llama": {**BERTS, "num_key_value_heads": 2},
    "gpt2": {"n_embd": 64, "n_layer": DEPTH, "n_head": 4, "n_positions": CONTEXT},
    "t5": {
        "d_model": 64,
        "d_kv": 16,
        "d_ff": 128,
        "num_layers": DEPTH,
        "num_decoder_layers": DEPTH,
        "num_heads": 4,
        "feed_forward_proj": "gated-gelu",
        "decoder_start_token_id": 0,
    },
}

# What each guards that the others do not:
SHIPPED = {
    ("bert", "full"): "gradients and states of all weights",
    ("bert", "prompt_tuning"): "a longer text",
    ("llama", "lora"): "the loss of the next token, keys and values kept to answer",
    ("llama", "dora"): "the norm of a sum that is made and let go",
    ("llama", "prefix_tuning"): "what makes a prompt is left out to answer",
    ("gpt2", "lora"): "maps that are stored the other way round",
    ("t5", "lora"): "two stacks, of which the encoder alone reads the text",
}
OPTIONS = {
    ("llama", "lora", "train.gradient_checkpointing=true"): "bfloat16",
    ("bert", "lora", "train.accumulation=3"): "float32",
    ("llama", "full", "train.optimizer=sgd"): "bfloat16",
    ("bert", "full", "train.optimizer=adafactor"): "float32",
    ("bert", "houlsby", "train.autocast=true"): "float32",
    ("llama", "dora", "train.accumulation=3"): "bfloat16",
    ("bert", "p_tuning_v2", "train.optimizer=adafactor"): "bfloat16",
}

# peft's types that need something for this model, and those that cannot be held to a run.
FITTED = {"vblora": "method.vector_length=8"}
NEEDS_WEIGHTS = ("adamss", "frod")
NOT_ON_BERT = ("adaption_prompt", "cpt", "xlora")
INEXACT = {
    "osf": "trains the end of the singular values, and a CPU keeps all of them for it",
}


def request_of(model: str, *overrides: str, dtype: str = "float32", **fields: Any) -> Request:
    trial = with_sources(compose(["device=cpu", "train.batch_size=3", *overrides]))
    given = {"model_type": model, **COMMON, **ARCHITECTURES[model]}
    return Request(
        **{
            "model": ModelConfig(
                model,
                Source(kind="architecture", architecture=given),
                pooling="mean",
                dtype=dtype,  # type: ignore[arg-type]
            ),
            "method": trial.method,
            "train": trial.train,
            "seq_len": 24,
            "device": "cpu",
            "sources": {source.task.name: source.method for source in trial.sources},
            **fields,
        }
    )


def traced_in_full(request: Request) -> tuple[Peak, Peak]:
    config = architecture(request.model)
    return trace_training(request, config).peak(), trace_inference(request, config).peak()


def actual(request: Request, folder: Path) -> tuple[Peak, Peak]:
    save_base(request, folder)
    return actual_training(request, folder), actual_inference(request, folder)


@pytest.mark.parametrize(("model", "method"), SHIPPED)
def test_a_plan_is_the_full_trace_is_the_run(model: str, method: str, tmp_path: Path):
    request = request_of(model, f"method={method}")
    plan = predict.predict(request)
    assert len(predict.enough_layers(request, plan.parameters)) == 2
    assert (plan.train, plan.inference) == traced_in_full(request) == actual(request, tmp_path)


@pytest.mark.parametrize(("model", "method", "option"), OPTIONS)
def test_a_plan_follows_the_recipe(model: str, method: str, option: str, tmp_path: Path):
    dtype = OPTIONS[model, method, option]
    request = request_of(model, f"method={method}", option, dtype=dtype)
    plan = predict.predict(request)
    assert (plan.train, plan.inference) == traced_in_full(request) == actual(request, tmp_path)


def test_a_head_in_float32_on_a_base_in_bfloat16_is_planned_over_devices_when_all_is_trained():
    request = request_of("bert", "method=full", dtype="bfloat16", objective="classification")
    one, two = (predict.predict(replace(request, devices=count)).train for count in (1, 2))
    assert two.optimizer == pytest.approx(one.optimizer / 2, rel=0.03)  # whole rows


@pytest.mark.parametrize("objective", ["language", "answers"])
def test_an_encoder_says_no_tokens(objective: str):
    request = request_of("bert", "method=lora", objective=objective)
    told = f"objective={objective}: bert is an encoder: objective=classification or tags"
    with pytest.raises(ConfigError, match=told):
        predict.predict(request)


def test_a_longer_answer_takes_memory_to_train_and_none_to_begin_with():
    asked = request_of("t5", "method=lora", objective="answers")
    one, nine = (predict.predict(replace(asked, answer_len=n)) for n in (1, 9))
    logits = 8 * asked.train.batch_size * COMMON["vocab_size"] * 4
    assert nine.train.total - one.train.total > 2 * logits  # whose gradients are as large
    assert nine.inference == one.inference


@pytest.mark.parametrize(
    ("method", "options"),
    [("lora", ["+method.layers_to_transform=[3]"]), ("peft/lily", [])],
    ids=["some layers", "shared among layers"],
)
def test_layers_that_are_not_alike_are_traced_in_full(
    method: str, options: list[str], tmp_path: Path
):
    request = request_of("bert", f"method={method}", *options)
    plan = predict.predict(request)
    (config,) = predict.enough_layers(request, plan.parameters)
    assert config.num_hidden_layers == DEPTH
    assert (plan.train, plan.inference) == actual(request, tmp_path)


def test_the_file_is_as_long_as_the_one_that_is_written(tmp_path: Path):
    request = request_of("llama", "method=lora")
    save_base(request, tmp_path)
    actual_inference(request, tmp_path)
    (written,) = (tmp_path / "adapter").glob("*.safetensors")
    assert predict.predict(request).file_bytes == written.stat().st_size


def test_what_gets_no_gradient_has_no_state(tmp_path: Path):
    """The last layer's part of Shadow is not read by a model without an output of its own."""
    request = request_of("bert", "method=peft/shadow")
    plan = predict.predict(request)
    states = 4 * 2 * plan.parameters.trainable  # two moments in float32
    assert plan.train.optimizer < states
    save_base(request, tmp_path)
    assert plan.train == actual_training(request, tmp_path)


def refused(request: Request) -> str:
    with pytest.raises(ConfigError) as error:
        answer.of(request)
    told = str(error.value)
    assert "\n" not in told
    return told


def test_texts_beyond_the_context_are_refused():
    assert f"seq_len={CONTEXT + 1}" in refused(
        request_of("bert", "method=lora", seq_len=CONTEXT + 1)
    )


def test_virtual_tokens_count_towards_the_context():
    prompted = request_of("bert", "method=prompt_tuning", "size=8", seq_len=CONTEXT - 7)
    assert "8 virtual tokens" in refused(prompted)


def test_a_model_that_cannot_be_built_is_refused():
    request = request_of("bert", "method=lora")
    given = {**request.model.source.architecture, "num_attention_heads": 7}
    source = Source(kind="architecture", architecture=given)
    told = refused(replace(request, model=replace(request.model, source=source)))
    assert "cannot be built" in told
    assert "7" in told


def test_a_method_that_the_model_cannot_take_is_refused():
    assert "Unsupported model type" in refused(request_of("bert", "method=peft/adaption_prompt"))


@pytest.mark.parametrize("name", NEEDS_WEIGHTS)
def test_a_start_from_weights_is_refused_by_name(name: str):
    told = refused(request_of("bert", f"method=peft/{name}", "size=8"))
    assert f"peft/{name}" in told
    assert "starts from the numbers" in told


def test_a_method_that_a_library_fails_on_is_refused_by_name(monkeypatch: pytest.MonkeyPatch):
    def fails(request: Request) -> None:
        raise RuntimeError("a kernel\nis missing")

    monkeypatch.setattr(predict, "structure", fails)
    told = refused(request_of("bert", "method=lora"))
    assert told.endswith("method=lora: cannot be planned on bert: RuntimeError: a kernel")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*peft_types.names()} - {*NEEDS_WEIGHTS, *NOT_ON_BERT}))
def test_every_type_of_peft_is_planned_as_it_runs(name: str, tmp_path: Path):
    fitted = [FITTED[name]] if name in FITTED else []
    request = request_of("bert", f"method=peft/{name}", "size=8", *fitted)
    plan = predict.predict(request)
    ran = actual(request, tmp_path)
    if name not in INEXACT:
        assert (plan.train, plan.inference) == ran
    for planned, measured in zip((plan.train, plan.inference), ran, strict=True):
        assert planned.total == pytest.approx(measured.total, rel=0.002)


def test_a_model_whose_layers_are_not_found_is_traced_in_full(monkeypatch: pytest.MonkeyPatch):
    request = request_of("bert", "method=full")
    assert len(predict.enough_layers(request, predict.counted(request))) == 2
    monkeypatch.setattr("harness.plan.subject.layers", lambda backbone: [])
    (config,) = predict.enough_layers(request, predict.counted(request))
    assert config.num_hidden_layers == DEPTH
