from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path
from random import Random

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import BertModel

from harness.measure.placement import Places, anew, leave_file, share_weights


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


def test_copies_lie_elsewhere_and_compute_the_same(tiny_bert: BertModel, tmp_path: Path) -> None:
    lora = LoraConfig(r=2, target_modules=["query"], init_lora_weights=False)
    adapted = get_peft_model(copy.deepcopy(tiny_bert), lora)
    models = {"base": tiny_bert.eval(), "adapted": adapted.eval()}
    tokens = torch.arange(12).reshape(2, 6)
    copies = anew(models, Random(0))
    assert list(copies) == list(models)
    tables = {
        module.weight.data_ptr()
        for module in tiny_bert.modules()
        if isinstance(module, nn.Embedding)
    }
    for name, model in models.items():
        shared = set(places(model)) & set(places(copies[name]))
        assert len(shared) == 3
        assert shared == tables or name == "adapted"
        states = [each(tokens).last_hidden_state for each in (model, copies[name])]
        assert torch.equal(*states)


def test_the_order_in_which_copies_are_made_is_drawn() -> None:
    made: list[str] = []

    class Told(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def __deepcopy__(self, memo: object) -> Told:
            made.append(self.name)
            return self

    generator, models = Random(0), {name: Told(name) for name in ("base", "merged", "unmerged")}
    for _ in range(60):
        anew(models, generator)
    orders = Counter(tuple(made[i : i + 3]) for i in range(0, 180, 3))
    assert len(orders) == 6


def test_copies_of_weights_that_were_mapped_from_a_file_leave_it(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(256, 256)}, tmp_path / "w.safetensors")
    model = nn.ParameterDict(load_file(tmp_path / "w.safetensors"))
    mapped = mapping_of(model["weight"])
    assert str(tmp_path) in mapped, "the test's own premise"
    assert str(tmp_path) not in mapping_of(anew({"base": model}, Random(0))["base"]["weight"])


def mapping_of(tensor: torch.Tensor) -> str:
    """The line of the kernel's table of mappings that a tensor's memory lies in."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        low, high = (int(bound, 16) for bound in line.split()[0].split("-"))
        if low <= tensor.data_ptr() < high:
            return line
    raise AssertionError("mapped nowhere")


def test_tied_weights_stay_tied_in_a_copy() -> None:
    tied = anew({"base": nn.ModuleList([nn.Linear(2, 2)] * 2)}, Random(0))["base"]
    assert tied[0].weight is tied[1].weight


def test_a_model_that_leaves_its_file_keeps_its_numbers_and_ties(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(256, 256)}, tmp_path / "w.safetensors")
    model = nn.ParameterDict(load_file(tmp_path / "w.safetensors"))
    leave_file(model)
    assert str(tmp_path) not in mapping_of(model["weight"])
    assert torch.equal(model["weight"], torch.ones(256, 256))
    tied = nn.ModuleList([nn.Linear(2, 2)] * 2)
    leave_file(tied)
    assert tied[0].weight is tied[1].weight


def test_places_are_drawn_anew_on_a_cpu_and_weights_are_shared_elsewhere() -> None:
    def models() -> dict[str, nn.Module]:
        layer = nn.Linear(3, 3)
        return {"base": layer, "again": copy.deepcopy(layer)}

    on_cpu, on_gpu = (Places(models(), device, seed=0) for device in ("cpu", "cuda:0"))
    found = [on_cpu.models() for _ in range(2)]
    assert len({place for each in found for model in each.values() for place in places(model)}) == 8
    kept = on_gpu.models()
    assert on_gpu.models()["base"] is kept["base"]
    assert places(kept["base"]) == places(kept["again"])
