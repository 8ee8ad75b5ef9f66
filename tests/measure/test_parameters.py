from __future__ import annotations

import pytest
from torch import nn
from transformers import BertModel

from harness.measure.parameters import count


def with_head(body: nn.Module, head: nn.Module) -> nn.ModuleDict:
    return nn.ModuleDict({"body": body, "head": head})


def test_a_bert_counts_to_its_closed_form(tiny_bert: BertModel) -> None:
    d, f, layers, head = 32, 64, 2, nn.Linear(32, 3)
    embeddings = (100 + 64 + 2) * d + 2 * d
    layer = 4 * (d * d + d) + (d * f + f) + (f * d + d) + 2 * 2 * d
    body = embeddings + layers * layer
    for name, parameter in tiny_bert.named_parameters():
        parameter.requires_grad = name.endswith("query.weight")
    found = count(with_head(tiny_bert, head), head)
    assert found.total == body + 3 * d + 3
    assert (found.adapter, found.head) == (layers * d * d, 3 * d + 3)
    assert found.trainable == found.adapter + found.head
    assert found.share == pytest.approx(found.trainable / found.total)


def test_a_frozen_head_is_not_among_the_trained() -> None:
    body, head = nn.Linear(4, 4), nn.Linear(4, 2).requires_grad_(False)
    found = count(with_head(body, head), head)
    assert (found.head, found.adapter, found.total) == (0, 20, 30)


def test_what_shares_memory_counts_once() -> None:
    body, head = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
    head.weight = nn.Parameter(body.weight.data)
    assert count(with_head(body, head), head).total == 16
    assert count(with_head(body, body), body).total == 16


def test_halves_of_one_storage_count_both() -> None:
    whole = nn.Linear(4, 4, bias=False).weight.data
    halves = nn.ParameterList([nn.Parameter(whole[:2]), nn.Parameter(whole[2:])])
    assert count(halves, nn.Identity()).total == 16
