from __future__ import annotations

import copy

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import BertModel

from harness.measure.placement import leave_file, share_weights


def places(model: nn.Module) -> list[int]:
    return [parameter.data_ptr() for parameter in model.parameters()]


def test_an_adapted_and_a_merged_model_lie_where_the_base_lies(tiny_bert: BertModel) -> None:
    lora = LoraConfig(r=2, target_modules=["query"], init_lora_weights=False)
    adapted = get_peft_model(copy.deepcopy(tiny_bert), lora)
    merged = get_peft_model(copy.deepcopy(tiny_bert), lora).merge_and_unload()
    tokens = torch.arange(12).reshape(2, 6)
    tiny_bert.eval()
    before = [model.eval()(tokens).last_hidden_state for model in (adapted, merged)]
    base_before = places(tiny_bert)
    share_weights(tiny_bert, [adapted, merged])
    assert places(tiny_bert) == base_before
    assert set(places(tiny_bert)) < set(places(adapted))
    own = [n for n, p in merged.named_parameters() if p.data_ptr() not in base_before]
    assert own == [f"encoder.layer.{i}.attention.self.query.weight" for i in (0, 1)]
    after = [model(tokens).last_hidden_state for model in (adapted, merged)]
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_equal_parameters_of_one_model_stay_apart() -> None:
    def pair() -> nn.Module:
        return nn.ModuleList([nn.LayerNorm(4), nn.LayerNorm(4)])

    base, other = pair(), pair()
    share_weights(base, [other])
    assert places(other) == places(base)
    assert len(set(places(other))) == 4


def test_what_differs_in_value_type_or_layout_is_left_alone() -> None:
    base = nn.ParameterList([nn.Parameter(torch.ones(4, 4))])
    for value in (
        torch.zeros(4, 4),
        torch.ones(4, 4, dtype=torch.float64),
        torch.ones(8, 4).t()[:, ::2],
        torch.ones(4),
    ):
        other = nn.ParameterList([nn.Parameter(value)])
        before = places(other)
        share_weights(base, [other])
        assert places(other) == before


def test_weights_that_were_mapped_from_a_file_leave_it(tmp_path) -> None:
    torch.save({"weight": torch.ones(2, 2)}, tmp_path / "w")
    mapped = torch.load(tmp_path / "w", mmap=True, weights_only=True)["weight"]
    model = nn.ParameterList([nn.Parameter(mapped)])
    before = model[0].data_ptr()
    leave_file(model)
    assert model[0].data_ptr() != before
    assert torch.equal(model[0], torch.ones(2, 2))
    tied = nn.ModuleList([nn.Linear(2, 2)] * 2)
    leave_file(tied)
    assert tied[0].weight is tied[1].weight
