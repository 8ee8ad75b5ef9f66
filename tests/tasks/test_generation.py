"""Texts that answer texts, held to what transformers' own language models compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    PreTrainedModel,
)

from harness.assets.source import Source
from harness.checked import from_plain
from harness.config import ModelConfig
from harness.errors import ConfigError
from harness.language_model import LanguageTaskModel
from harness.models import load_backbone
from harness.task_config import TaskConfig
from harness.tasks.data import TaskData
from harness.tasks.encoded import IGNORED
from harness.tasks.generation import Generation
from harness.training import inputs
from tests.backbones import VOCABULARY, build
from tests.own_tasks import write_language_model
from tests.shipped import shipped

END = 3
PROMPTS = ["w1 w2 w3", "w4", "w9 w8 w7 w6 w5 w4", "w2 w2"]
ANSWERS = ["w5", "w6 w7", "w1", "w1"]
CASES = ["llama", "gpt2", "t5", "bart", "two_embeddings"]


def write(name: str, folder: Path) -> ModelConfig:
    write_language_model(name, folder)
    return ModelConfig("own", Source("path", path=str(folder)), "last")


def split() -> Dataset:
    ids = [str(i) for i in range(len(PROMPTS))]
    return Dataset.from_dict({"text": PROMPTS, "label": ANSWERS, "id": ids})


def generation(model: ModelConfig, metric: str = "exact_match", max_answer: int = 4) -> Generation:
    fields = {"metric": metric, "max_length": 5, "max_answer": max_answer}
    task = from_plain(TaskConfig, shipped("task", "tomi") | fields)
    return Generation(task, TaskData(split(), split(), split(), (), {}), model)


def built(kind: Generation, model: ModelConfig) -> tuple[LanguageTaskModel, dict[str, Any]]:
    """The task model on the bare base, and a batch of all examples."""
    backbone = load_backbone(model).eval()
    found = kind.under(kind.head(backbone, seed=0), backbone).eval()
    assert isinstance(found, LanguageTaskModel)
    encoded = kind.encode(split(), kind._tokenizer)
    return found, kind.batch(encoded, range(len(PROMPTS)))


def reference(model: ModelConfig) -> PreTrainedModel:
    folder = str(model.source.path)
    try:
        return AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    except ValueError:
        return AutoModelForCausalLM.from_pretrained(folder).eval()


def ids(text: str) -> list[int]:
    return [int(word[1:]) + 4 for word in text.split()]


@pytest.mark.parametrize("name", CASES)
def test_the_loss_is_transformers_own_of_the_answers(name: str, tmp_path: Path) -> None:
    model = write(name, tmp_path)
    kind, whole = generation(model), reference(model)
    task_model, batch = built(kind, model)
    found = kind.loss(task_model(**inputs(batch)), batch["labels"]).item()
    total = tokens = 0.0
    for prompt, answer in zip(PROMPTS, ANSWERS, strict=True):  # one by one, so without padding
        read, said = ids(prompt)[-5:], [*ids(answer), END]
        if whole.config.is_encoder_decoder:
            given = {"input_ids": torch.tensor([read]), "labels": torch.tensor([said])}
        else:
            labels = torch.tensor([[IGNORED] * len(read) + said])
            given = {"input_ids": torch.tensor([read + said]), "labels": labels}
        total += whole(**given).loss.item() * len(said)
        tokens += len(said)
    assert found == pytest.approx(total / tokens, abs=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_answers_are_those_of_transformers_greedy_search(name: str, tmp_path: Path) -> None:
    model = write(name, tmp_path)
    kind, whole = generation(model), reference(model)
    task_model, batch = built(kind, model)
    found = kind.answers(task_model, batch)
    for prompt, answer in zip(PROMPTS, found, strict=True):
        read = torch.tensor([ids(prompt)[-5:]])
        said = whole.generate(
            read, attention_mask=torch.ones_like(read), max_new_tokens=4, do_sample=False,
            num_beams=1, eos_token_id=END, pad_token_id=0, forced_eos_token_id=None,
            forced_bos_token_id=None,
        )[0]  # fmt: skip
        new = said[1:] if whole.config.is_encoder_decoder else said[read.shape[1] :]
        assert answer == kind._told([token for token in new.tolist() if token != END])
    assert len(set(found)) > 1


@pytest.mark.parametrize("name", ["llama", "t5"])
def test_perplexity_rests_on_the_nats_of_each_answer(name: str, tmp_path: Path) -> None:
    model = write(name, tmp_path)
    kind = generation(model, "perplexity")
    task_model, batch = built(kind, model)
    nats, counts = kind.answers(task_model, batch), kind.references(split())
    assert counts == [len(answer.split()) + 1 for answer in ANSWERS]
    mean = kind.loss(task_model(**inputs(batch)), batch["labels"]).item()
    assert sum(nats) / sum(counts) == pytest.approx(mean, abs=1e-5)


@pytest.mark.parametrize(("name", "tied"), [("gpt2", True), ("two_embeddings", False)])
def test_the_output_embedding_is_trained_where_the_input_embedding_is(
    name: str, tied: bool, tmp_path: Path
) -> None:
    model = write(name, tmp_path)
    kind, backbone = generation(model), load_backbone(model)
    backbone.requires_grad_(False)
    assert not any(p.requires_grad for p in kind.head(backbone, 0).parameters())
    backbone.requires_grad_(True)
    head = kind.head(backbone, 0)
    own = [p for p in head.parameters() if p.requires_grad]
    assert [p.shape[0] for p in own] == ([] if tied else [VOCABULARY])
    states = torch.randn(1, 2, backbone.config.hidden_size)
    before = head(states)
    with torch.no_grad():
        backbone.get_input_embeddings().weight.mul_(2)
    assert torch.equal(head(states), before) is not tied


def test_an_encoder_says_no_texts(tmp_path: Path) -> None:
    build("bert").save_pretrained(tmp_path)
    expected = r"^task\.kind=generation: asks for a model that says texts, and own does not"
    with pytest.raises(ConfigError, match=expected):
        generation(ModelConfig("own", Source("path", path=str(tmp_path)), "mean"))


def test_what_is_not_finite_is_no_answer(tmp_path: Path) -> None:
    model = write("llama", tmp_path)
    kind = generation(model)
    task_model, batch = built(kind, model)
    with torch.no_grad():
        task_model.backbone.get_input_embeddings().weight[ids("w4")[0]] = float("nan")
    # Only the second and the third prompt have the word.
    found = kind.answers(task_model, batch)
    assert [answer is None for answer in found] == [False, True, True, False]


def test_the_constant_answer_is_the_commonest_of_training(tmp_path: Path) -> None:
    kind = generation(write("llama", tmp_path))
    assert kind.constant(split()) == ["w1"] * 4
