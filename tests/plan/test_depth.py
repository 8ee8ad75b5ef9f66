"""What few layers tell of many."""

from __future__ import annotations

import pytest
from transformers import BartConfig, BertConfig, GPT2Config, LlamaConfig, Qwen2Config, T5Config

from harness.measure.live_tensors import Peak
from harness.plan.depth import SHALLOW, extrapolated, shallower


def peak(total: int) -> Peak:
    return Peak(total=total, weights=total // 2, gradients=0, optimizer=0, activations=total // 2)


def sections(depth: int, held: int, freed: int) -> list[tuple[str, Peak]]:
    """A forward pass that keeps `held` bytes a layer, and a backward pass that makes `freed`."""
    found = [("", peak(100 * depth))]
    for layer in range(depth):
        found.append((f"forward layers {layer} {depth}", peak(100 * depth + held * (layer + 1))))
    for layer in reversed(range(depth)):
        alive = 100 * depth + held * (layer + 1) + freed * (depth - layer)
        found.append((f"backward layers {layer} {depth}", peak(alive)))
    found.append(("update", peak(100 * depth + 2 * freed * depth)))
    return found


@pytest.mark.parametrize(
    ("held", "freed", "highest"),
    [
        (40, 6, 100 * 50 + 40 * 50 + 6),  # where the last layer's backward pass begins
        (6, 10, 100 * 50 + 2 * 10 * 50),  # in the update, which few layers do not show
        (0, 0, 100 * 50),
    ],
)
def test_peak_of_fifty_layers_is_the_closed_form(held, freed, highest):
    shallow = [sections(depth, held, freed) for depth in SHALLOW]
    found = extrapolated(shallow, 50)
    assert found is not None
    assert found.total == highest == max(p.total for _, p in sections(50, held, freed))


def test_sections_that_do_not_find_each_other_tell_nothing():
    low, high = (sections(depth, 8, 4) for depth in SHALLOW)
    assert extrapolated([low, [*high, ("again", peak(1))]], 50) is None


@pytest.mark.parametrize(
    "config",
    [
        BertConfig(num_hidden_layers=12),
        GPT2Config(n_layer=12),
        LlamaConfig(num_hidden_layers=12),
        Qwen2Config(num_hidden_layers=12),  # names a type for each layer
        T5Config(num_layers=12, num_decoder_layers=12),
        BartConfig(encoder_layers=12, decoder_layers=12),
    ],
)
def test_shallower_has_so_many_layers_in_every_stack(config):
    found = shallower(config, 3)
    assert found is not None
    assert found.num_hidden_layers == 3
    for name in ("num_decoder_layers", "decoder_layers"):
        assert getattr(found, name, 3) == 3
    assert len(getattr(found, "layer_types", None) or [1, 2, 3]) == 3
    assert config.num_hidden_layers == 12


@pytest.mark.parametrize(
    "config",
    [
        T5Config(num_layers=12, num_decoder_layers=6),
        Qwen2Config(
            num_hidden_layers=4,
            layer_types=["full_attention", "sliding_attention"] * 2,
            use_sliding_window=True,
        ),
    ],
)
def test_stacks_of_different_depths_and_layers_of_different_kinds_are_left_whole(config):
    assert shallower(config, 3) is None
