"""What methods answer, against what is known of them, and the table of the answers."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from torch import nn

from harness.methods import survey
from harness.methods.low_rank import LoRA
from harness.methods.specimens import SPECIMENS
from harness.methods.survey import Answers, ask
from harness.methods.table import markdown, text


@pytest.fixture(scope="module")
def lora() -> Answers:
    from harness.config import trial_config
    from harness.entry import compose
    from harness.methods import load_method

    return ask(load_method(trial_config(compose(["method=lora"])).method))


def test_lora_works_everywhere_and_merges(lora):
    assert lora.works == dict.fromkeys(SPECIMENS)
    assert lora.merges is None


def test_4_bit_base_is_asked_where_bitsandbytes_is_installed(lora):
    assert lora.on_4_bits == (None if find_spec("bitsandbytes") else survey.UNASKED)


def test_parameters_are_those_of_bert_base(lora):
    # r·(in + out) of four maps of 768 and two between 768 and 3072, in 12 layers
    assert lora.parameters == 12 * 8 * (4 * 2 * 768 + 2 * (768 + 3072))


def test_without_the_structure_alone_the_same_parameters_are_found(method_of, lora, monkeypatch):
    found = method_of("lora")
    adapt = found.adapt

    def needs_weights(backbone):
        if backbone.device.type == "meta":
            raise NotImplementedError
        return adapt(backbone)

    monkeypatch.setattr(found, "adapt", needs_weights)
    assert survey._parameters(found) == lora.parameters


def test_reasons_are_those_of_the_method(method_of):
    answers = ask(method_of("bitfit"))
    assert answers.works["Llama"] == "needs a model with bias terms; LlamaModel has none"
    assert answers.works["BERT"] is None
    assert "trained in place" in answers.merges
    nowhere = ask(method_of("peft/xlora"))
    assert all("were trained before" in reason for reason in nowhere.works.values())
    assert (nowhere.merges, nowhere.parameters) == ("works on none of these", None)


def test_merge_that_loses_the_update_is_no_merge(method_of):
    class Forgetful(LoRA):
        def merge(self, adapted: nn.Module) -> nn.Module:
            return adapted.unload()

    assert "outputs differ" in survey._reason(
        survey._merges, Forgetful(method_of("lora").config), "BERT"
    )


def test_method_that_learns_nothing_does_not_work(method_of):
    class Frozen(LoRA):
        def adapt(self, backbone):
            adapted = super().adapt(backbone)
            adapted.register_forward_hook(cut)
            return adapted

    def cut(module, inputs, output):
        output.last_hidden_state = output.last_hidden_state.detach().requires_grad_()

    reason = survey._reason(survey._works, Frozen(method_of("lora").config), "BERT")
    assert reason == "nothing of it gets a gradient"


ANSWERS = [
    Answers("one", "rank", 8, dict.fromkeys(SPECIMENS), None, "no_such|thing", 1234567),
    Answers("two", None, None, dict.fromkeys(SPECIMENS, "too new"), "too new", None, None),
]


def test_table_numbers_each_reason_once():
    lines = text(ANSWERS).splitlines()
    assert lines[1].split() == ["one", "rank", "8", *["yes"] * 6, "no", "[1]", "1,234,567"]
    assert lines[2].split()[1:] == [*["no", "[2]"] * 6, "yes"]
    assert lines[3:] == ["", "[1] no_such|thing", "[2] too new"]


def test_columns_stand_under_their_headings():
    heading, *rows = text(ANSWERS).splitlines()[:3]
    for column in ("BERT", "merges", "4-bit base"):
        at = heading.index(column)
        assert all(row[at - 1] == " " and row[at] != " " for row in rows)


def test_markdown_has_a_row_per_method_and_escaped_reasons():
    lines = markdown(ANSWERS).splitlines()
    assert len({line.count("|") for line in lines[:4]}) == 1
    assert lines[-2:] == [r"1. no\_such\|thing", "2. too new"]
